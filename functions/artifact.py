"""Builds the functions' artifact: their code, and the pinned wheels without what no function opens."""

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
import time
import tomllib
import zipfile
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

FOR_LAMBDA = (
    "--only-binary=:all:",
    "--implementation=cp",
    "--python-version=3.12",
    "--abi=cp312",
    "--platform=manylinux_2_28_x86_64",
    "--platform=manylinux_2_17_x86_64",
    "--platform=manylinux2014_x86_64",
)
"""Wheels for the runtime python3.12: Amazon Linux 2023, glibc 2.34 ("Lambda runtimes", developer guide)."""

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
            _part("packages", [REQUIREMENTS, LEFT_OUT], _unpack_wheels),
            _part("code", [CODE / name for name in sorted(_sources())], _copy_code),
        )
        for part in parts:
            shutil.copytree(part, target, copy_function=_link, dirs_exist_ok=True)
        for kept in PARTS.iterdir():
            if kept not in parts:
                shutil.rmtree(kept)


def left_out() -> list[str]:
    """The patterns of what the build leaves out of wheels."""
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


def _unpack_wheels(folder: Path) -> None:
    patterns = left_out()
    unused = set(patterns)
    with tempfile.TemporaryDirectory() as wheels:
        _pip(
            "download",
            "--no-deps",
            "--require-hashes",
            *FOR_LAMBDA,
            "--dest",
            wheels,
            "-r",
            str(REQUIREMENTS),
        )
        for wheel in sorted(Path(wheels).iterdir()):
            with zipfile.ZipFile(wheel) as packed:
                for entry in packed.infolist():
                    matching = [pattern for pattern in patterns if fnmatchcase(entry.filename, pattern)]
                    unused.difference_update(matching)
                    if not matching:
                        _unpack(packed, entry, folder)
    if unused:
        sys.exit(f"{LEFT_OUT.name} leaves out what is in no wheel: {', '.join(sorted(unused))}")
    _compile(folder, py_compile.PycInvalidationMode.UNCHECKED_HASH)


def _pip(*arguments: str) -> None:
    quietly = ("--quiet", "--no-input", "--disable-pip-version-check", "--retries=2")
    if subprocess.run([sys.executable, "-m", "pip", *arguments, *quietly], check=False).returncode:
        sys.exit(f"pip could not download {REQUIREMENTS.name}: see above")


def _unpack(packed: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    """Unpack a file with the time that the wheel gives it: the same files make the same zip for Lambda."""
    if ".data/" in entry.filename:
        sys.exit(f"{entry.filename} belongs elsewhere than beside its package: install it, or leave it out")
    file = Path(packed.extract(entry, folder))
    written = time.mktime((*entry.date_time, 0, 0, -1))
    os.utime(file, (written, written))


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
