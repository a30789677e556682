"""Builds the functions' artifact: their code, and the pinned packages without what no function opens."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import py_compile
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

FUNCTIONS = Path(__file__).resolve().parent
CODE = FUNCTIONS / "dropscore"
REQUIREMENTS = FUNCTIONS / "requirements.txt"
LEFT_OUT = FUNCTIONS / "left_out.toml"

PARTS = FUNCTIONS.parent / ".aws-sam" / "parts"
"""Where the artifact's two parts are kept, ready, each in a folder named after what it is made of."""

UV = FUNCTIONS.parent / "requirements" / "uv"

FOR_LAMBDA = (
    "--only-binary=:all:",
    "--python-version=3.12",
    "--python-platform=x86_64-manylinux_2_28",
    "--link-mode=copy",
)
"""Wheels for the runtime python3.12: Amazon Linux 2023, glibc 2.34 ("Lambda runtimes", developer guide).
Copies, since a link into uv's cache would take on the mode and the time that files get here."""

OF_THE_INSTALLATION = frozenset(
    {".lock", "INSTALLER", "RECORD", "REQUESTED", "direct_url.json", "uv_cache.json"}
)
"""Files that say when, how and where a package was installed. They differ from build to build."""

WRITTEN = 315_619_200
"""1980-01-02, the time of all files of packages: the same files make the same zip for Lambda."""

TASK = "/var/task"
"""Where Lambda puts the artifact; compiled code names it, and not the folder of whoever has built."""


def build(target: Path) -> None:
    """Fill the folder of a function.

    SAM shares and caches nothing that a Makefile builds (`FunctionBuildDefinition.__eq__` of aws-sam-cli, and
    its issue 2989): it asks for each function, each time. So the two parts of the artifact are kept, and what
    a function gets is hard links to them. They are read-only, since a change of one would be a change of all.
    """
    with _alone():
        parts = (
            _part("packages", [REQUIREMENTS, LEFT_OUT], _install_packages),
            _part("code", [CODE / name for name in sorted(_sources())], _copy_code),
        )
        for part in parts:
            shutil.copytree(part, target, copy_function=_link, dirs_exist_ok=True)
        for kept in PARTS.iterdir():
            if kept not in parts:
                shutil.rmtree(kept)


def left_out() -> list[str]:
    """The patterns of what the build leaves out of packages."""
    rules = tomllib.loads(LEFT_OUT.read_text())["left_out"]
    return [pattern for rule in rules for pattern in rule["files"]]


def _part(name: str, made_of: Sequence[Path], fill: Callable[[Path], None]) -> Path:
    """The part that is made of these files, by this program and this Python; `fill` makes it, once."""
    digest = hashlib.sha256(sys.version.encode())
    for file in (Path(__file__), *made_of):
        digest.update(f"\0{file.relative_to(FUNCTIONS)}\0".encode() + file.read_bytes())
    part = PARTS / f"{name}-{digest.hexdigest()[:16]}"
    if not part.exists():
        unfinished = Path(tempfile.mkdtemp(dir=PARTS))
        fill(unfinished)
        for file in unfinished.rglob("*"):
            file.chmod(0o755 if file.is_dir() else 0o444)
        unfinished.chmod(0o755)
        unfinished.rename(part)
    return part


def _install_packages(folder: Path) -> None:
    patterns = left_out()
    unused = set(patterns)
    with tempfile.TemporaryDirectory(dir=PARTS) as installed:
        _uv(
            "pip",
            "install",
            "--no-deps",
            "--require-hashes",
            *FOR_LAMBDA,
            "--target",
            installed,
            "-r",
            str(REQUIREMENTS),
        )
        for file in Path(installed).rglob("*"):
            name = file.relative_to(installed)
            if not file.is_file() or file.name in OF_THE_INSTALLATION:
                continue
            matching = [pattern for pattern in patterns if fnmatchcase(str(name), pattern)]
            unused.difference_update(matching)
            if not matching:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                os.utime(file.rename(folder / name), (WRITTEN, WRITTEN))
    if unused:
        sys.exit(f"{LEFT_OUT.name} leaves out what no package has: {', '.join(sorted(unused))}")
    _compile(folder, py_compile.PycInvalidationMode.UNCHECKED_HASH)


def _uv(*arguments: str) -> None:
    if not UV.exists():
        sys.exit(f"{UV} is missing: build in a whole checkout, without a container")
    if subprocess.run([UV, *arguments, "--quiet"], check=False).returncode:
        sys.exit(f"uv could not install {REQUIREMENTS.name}: see above")


def _copy_code(folder: Path) -> None:
    for name in _sources():
        (folder / CODE.name / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CODE / name, folder / CODE.name / name)
    # Checked: who edits the code of a built function in place shall see it run.
    _compile(folder, py_compile.PycInvalidationMode.CHECKED_HASH)


def _sources() -> Iterator[Path]:
    """Names of the files of our own code."""
    for file in CODE.rglob("*"):
        if file.is_file() and file.suffix != ".pyc":
            yield file.relative_to(CODE)


def _compile(folder: Path, validity: py_compile.PycInvalidationMode) -> None:
    """Compile the modules: Lambda's /var/task is read-only, so each cold start would compile them anew.

    Lambda advises against byte code of another machine ("Working with .zip file archives for Python Lambda
    functions", developer guide). It is the same on every machine for one minor version of Python, and that of
    any other version is not looked at (PEP 3147).
    """
    for file in sorted(folder.rglob("*.py")):
        name = file.relative_to(folder)
        compiled = importlib.util.cache_from_source(file)
        py_compile.compile(str(file), dfile=f"{TASK}/{name}", doraise=True, invalidation_mode=validity)
        os.utime(compiled, (file.stat().st_mtime,) * 2)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, as in SAM's build container
        shutil.copy2(source, target)


@contextmanager
def _alone() -> Iterator[None]:
    """Wait for other builds, such as those of `sam build --parallel`."""
    PARTS.mkdir(parents=True, exist_ok=True)
    with (PARTS.parent / "parts.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    if sys.version_info[:2] != (3, 12):
        sys.exit(
            f"this is Python {sys.version.split()[0]}: the functions are built with 3.12, which they run on"
        )
    build(Path(sys.argv[1]))
