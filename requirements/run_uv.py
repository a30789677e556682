"""Starts uv with pip's settings in its environment, since uv does not read pip's configuration."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname


def main() -> None:
    """Run the uv at argv[1] with the arguments after it."""
    uv, *arguments = sys.argv[1:]
    # What the user has set for uv itself counts more.
    environment = uv_variables(pip_settings(), os.environ) | dict(os.environ)
    if environment.get("UV_NO_INDEX") and arguments[:1] == ["pip"]:
        arguments.append("--no-index")  # has no variable of its own
    os.execve(uv, [uv, *arguments], environment)  # noqa: S606 - the pinned uv, no shell


def pip_settings() -> dict[str, str]:
    """Read the settings of pip's files and PIP_ variables, by name.

    `pip config list` merges the files (global, user, environment, PIP_CONFIG_FILE) and prints a line
    `section.name='value'` for each setting. To `pip install`, the section install counts more than global,
    and variables count more than both (pip documentation, "Configuration").
    """
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    settings: dict[str, str] = {}
    for section in ("global.", "install.", ":env:."):
        for line in listing.splitlines():
            name, separator, value = line.partition("=")
            if separator and name.startswith(section):
                settings[name.removeprefix(section)] = str(ast.literal_eval(value))
    return settings


def uv_variables(pip: dict[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Translate pip's settings into uv's variables (uv documentation, "Environment variables")."""
    variables = {
        # The hashes of the pins say which file is meant, whichever index has it.
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_NO_PROGRESS": "1",
        "UV_DEFAULT_INDEX": pip.get("index-url", ""),
        "UV_INDEX": " ".join(_present(pip.get("extra-index-url", ""))),
        "UV_FIND_LINKS": ",".join(_present(pip.get("find-links", ""))),
        "UV_NO_INDEX": "1" if _is_on(pip.get("no-index")) else "",
        "UV_NO_CACHE": "1" if _is_on(pip.get("no-cache-dir")) else "",
        "UV_INSECURE_HOST": " ".join(pip.get("trusted-host", "").split()),
        "UV_HTTP_TIMEOUT": pip.get("timeout", pip.get("default-timeout", "")),
        "SSL_CERT_FILE": pip.get("cert", environment.get("REQUESTS_CA_BUNDLE", "")),
        "SSL_CLIENT_CERT": pip.get("client-cert", ""),
        "HTTPS_PROXY": pip.get("proxy", ""),
        "HTTP_PROXY": pip.get("proxy", ""),
    }
    return {name: value for name, value in variables.items() if value}


def _present(places: str) -> list[str]:
    """The places of a list without folders that do not exist: pip passes them over, uv fails."""
    kept = []
    for place in places.split():
        url = urlsplit(place)
        path = {"file": url2pathname(url.path), "": place}.get(url.scheme)
        if path is None or Path(path).exists():
            kept.append(place)
    return kept


def _is_on(value: str | None) -> bool:
    return (value or "").lower() in {"1", "true", "t", "yes", "y", "on"}


if __name__ == "__main__":
    main()
