"""No file of the repository holds an account, a key or a place of somebody's own."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from training.model.image import _ACCOUNTS

REPOSITORY = Path(__file__).parents[2]
EXAMPLES = {"123456789012", "000000000000", "111111111111"}
PATTERNS = {
    "account id": re.compile(r"(?<![\w.+])(?<![0-9a-f]{4}-)\d{12}(?!\w)"),
    "access key": re.compile(r"\b(?:AKIA|ASIA|AIDA|AROA)[A-Z0-9]{16}\b"),
    "secret key": re.compile(r"(?i)secret\w*[\"']?\s*[:=]\s*[\"']?[a-z0-9/+]{40}\b"),
    "private key": re.compile(r"BEGIN (?:[A-Z]+ )?PRIVATE KEY"),
    "home folder": re.compile(r"(?:/root(?=/)|/home/(?!me/)\w|/Users/\w|[A-Z]:\\Users)"),
}


def _files() -> list[Path]:
    """What is tracked, and what would be."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is no git repository")
    paths = [REPOSITORY / name.decode() for name in listed.split(b"\0") if name]
    return [path for path in paths if path.is_file()]


def _found(text: str) -> Iterator[str]:
    allowed = EXAMPLES | set(_ACCOUNTS.values())
    for what, pattern in PATTERNS.items():
        for match in pattern.finditer(text):
            if match[0] not in allowed:
                yield f"{what}: {match[0]}"


def test_no_file_holds_what_is_somebodys_own() -> None:
    found = {
        str(path.relative_to(REPOSITORY)): list(_found(path.read_bytes().decode(errors="replace")))
        for path in _files()
    }
    assert {name: what for name, what in found.items() if what} == {}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("arn:aws:iam::" + "4" * 12 + ":role/x", "account id"),
        ('account = "' + "9" * 12 + '"', "account id"),
        ("a-bucket-of-" + "9" * 12, "account id"),
        ("AKIA" + "IOSFODNN7EXAMPLE", "access key"),
        ("aws_secret_access_key = " + "a" * 40, "secret key"),
        ("-----BEGIN RSA " + "PRIVATE KEY-----", "private key"),
        ("/root" + "/project", "home folder"),
        ("/home" + "/somebody/project", "home folder"),
    ],
)
def test_each_of_these_would_be_found(text: str, what: str) -> None:
    assert [found.partition(":")[0] for found in _found(text)] == [what]


@pytest.mark.parametrize("text", ["123456789012", "1795363123779", "sha256:" + "1" * 64, "/home/me/data"])
def test_examples_and_other_numbers_are_none(text: str) -> None:
    assert list(_found(text)) == []
