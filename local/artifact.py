"""The built functions, packed as Lambda takes them."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path


def pack(folder: Path, target: Path) -> None:
    """Pack a built function into a zip file, uncompressed: it travels over loopback only."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as packed:
        for name in _files(folder):
            packed.write(folder / name, name)


def fingerprint(folder: Path) -> str:
    """The same for copies of one artifact: the build puts one into a folder for each function.

    Files are told apart as rsync does it, by name, size and time of change (copies keep the time): reading
    half a gigabyte to find out that it is one artifact would take longer than anything else here.
    """
    digest = hashlib.blake2b(digest_size=16)
    for name in _files(folder):
        status = (folder / name).stat()
        digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[str]:
    """Names of the files to pack, relative to the folder, in one order."""
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            yield os.path.relpath(os.path.join(parent, name), folder)  # noqa: PTH118 (Path is slow at 3,000 files)
