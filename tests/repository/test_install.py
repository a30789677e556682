"""What `requirements/install` promises: hashes, the user's index, errors in one line, any Python 3.12."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from requirements import run_uv

REPOSITORY = Path(__file__).resolve().parents[2]
CLOSED_PORT = "http://127.0.0.1:9/simple"


@dataclass(frozen=True)
class Index:
    """A package index on loopback that has one package."""

    address: str
    wheels: Path
    digest: str


@dataclass
class Checkout:
    """A copy of `requirements/` with a pin of its own and the uv of this checkout."""

    folder: Path
    pip_config: str = ""
    environment: dict[str, str] = field(default_factory=dict)

    def pin(self, digest: str) -> None:
        (self.folder / "toy.txt").write_text(f"toy==1 --hash=sha256:{digest}\n")

    def install(self) -> subprocess.CompletedProcess[str]:
        (self.folder / "pip.conf").write_text(self.pip_config)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
        settings = {
            "PIP_CONFIG_FILE": str(self.folder / "pip.conf"),
            "UV_CACHE_DIR": str(self.folder / "cache"),
            "UV_HTTP_RETRIES": "0",
            "PYTHON": sys.executable,
        }
        return subprocess.run(
            ["requirements/install", ".venv", "toy.txt"],  # noqa: S607 - as make does it
            cwd=self.folder,
            env=kept | settings | self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    def log(self) -> str:
        return (self.folder / ".venv.log").read_text()

    def has_toy(self) -> bool:
        python = self.folder / ".venv" / "bin" / "python"
        return subprocess.run([python, "-c", "import toy"], check=False, capture_output=True).returncode == 0


@pytest.fixture
def checkout(tmp_path: Path, index: Index) -> Checkout:
    shutil.copytree(REPOSITORY / "requirements", tmp_path / "requirements")
    (tmp_path / ".venv-uv").symlink_to(REPOSITORY / ".venv-uv")
    made = Checkout(tmp_path)
    made.pin(index.digest)
    return made


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    root = tmp_path_factory.mktemp("index")
    toy = root / "simple" / "toy"
    toy.mkdir(parents=True)
    wheel = toy / "toy-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr("toy.py", "")
        packed.writestr("toy-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: toy\nVersion: 1\n")
        packed.writestr(
            "toy-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        packed.writestr("toy-1.dist-info/RECORD", "")
    (toy / "index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>')
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root)))
    thread = Thread(target=server.serve_forever)
    thread.start()
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    yield Index(f"http://127.0.0.1:{server.server_port}/simple", toy, digest)
    server.shutdown()
    thread.join()
    server.server_close()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Write nothing."""


@pytest.mark.parametrize("name", ["PIP_INDEX_URL", "UV_DEFAULT_INDEX"])
def test_the_index_that_a_variable_names_is_asked(checkout, index, name):
    checkout.environment[name] = index.address
    assert_installs(checkout)


@pytest.mark.parametrize(
    "config",
    [
        "[global]\nindex-url = {address}",
        f"[global]\nindex-url = {CLOSED_PORT}\n[install]\nindex-url = {{address}}",
        "[global]\nindex-url = {address}\nextra-index-url = file:///nowhere/simple",
        "[global]\nno-index = true\nfind-links =\n    /nowhere\n    {wheels}",
    ],
    ids=["index-url", "install counts more than global", "extra-index-url", "find-links"],
)
def test_the_index_of_pip_s_configuration_is_asked(checkout, index, config):
    checkout.pip_config = config.format(address=index.address, wheels=index.wheels)
    assert_installs(checkout)


def assert_installs(checkout: Checkout) -> None:
    ran = checkout.install()
    assert (ran.returncode, ran.stderr) == (0, ""), checkout.log()
    assert checkout.has_toy()


def test_another_hash_than_the_pinned_one_is_refused_in_one_line(checkout, index):
    checkout.environment["PIP_INDEX_URL"] = index.address
    checkout.pin("0" * 64)

    ran = checkout.install()

    assert ran.returncode == 1
    assert ran.stderr.count("\n") == 1
    assert ran.stderr.startswith("Could not install toy.txt: ")
    assert "hash" in ran.stderr.lower()
    assert not checkout.has_toy()


def test_without_an_index_one_line_says_what_to_do(checkout):
    checkout.environment["PIP_INDEX_URL"] = CLOSED_PORT

    ran = checkout.install()

    assert ran.returncode == 1
    assert ran.stderr == (
        "No package index answers: connect to a network (or set PIP_INDEX_URL to a mirror), "
        "then run make again.\n"
    )


def test_without_an_index_uv_itself_cannot_be_installed_and_the_same_line_says_so(checkout):
    (checkout.folder / ".venv-uv").unlink()
    checkout.environment |= {"PIP_INDEX_URL": CLOSED_PORT, "PIP_RETRIES": "0"}

    ran = checkout.install()

    assert ran.returncode == 1
    assert ran.stderr.startswith("No package index answers: ")
    assert ran.stderr.count("\n") == 1


def test_another_python_than_3_12_is_refused_in_one_line(checkout):
    checkout.environment["PYTHON"] = "/bin/false"

    ran = checkout.install()

    assert ran.returncode == 1
    assert ran.stderr == (
        "Dropscore needs Python 3.12 with venv, and PYTHON=/bin/false is not one: "
        "set PYTHON to a python3.12.\n"
    )


@pytest.mark.parametrize(
    ("pip", "environment", "uv"),
    [
        ({"trusted-host": "a.example b.example"}, {}, {"UV_INSECURE_HOST": "a.example b.example"}),
        ({"cert": "own.pem"}, {"REQUESTS_CA_BUNDLE": "theirs.pem"}, {"SSL_CERT_FILE": "own.pem"}),
        ({}, {"REQUESTS_CA_BUNDLE": "theirs.pem"}, {"SSL_CERT_FILE": "theirs.pem"}),
        ({"proxy": "p:3128"}, {}, {"HTTPS_PROXY": "p:3128", "HTTP_PROXY": "p:3128"}),
        (
            {"default-timeout": "9", "client-cert": "c.pem"},
            {},
            {"UV_HTTP_TIMEOUT": "9", "SSL_CLIENT_CERT": "c.pem"},
        ),
        ({"no-cache-dir": "true", "no-index": "no"}, {}, {"UV_NO_CACHE": "1"}),
    ],
)
def test_settings_of_pip_mean_the_same_to_uv(pip: Mapping[str, str], environment: Mapping[str, str], uv):
    always = {"UV_INDEX_STRATEGY", "UV_NO_PROGRESS"}
    translated = run_uv.uv_variables(dict(pip), environment)
    assert {name: value for name, value in translated.items() if name not in always} == uv
