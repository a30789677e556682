"""The files that the demo drops, and the keys that they go to the inbox under."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path, PurePath

from dropscore.domain.drop import why_no_drop
from local.errors import LocalError

MAX_KEY_BYTES = 1024
"""S3's limit (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html)."""


class DemoInputError(LocalError):
    """What the demo was given cannot be scored (the reader can act: give it something else)."""


@dataclass(frozen=True)
class DropFile:
    """A file and the key it is put under."""

    path: Path
    key: str


def find_drops(given: Path) -> list[DropFile]:
    """List what a file or a folder gives to the inbox, in the order of the keys.

    Parameters
    ----------
    given
        A parquet file, which goes under ``file_key``; or a folder, of which everything that ends in
        ``.parquet``, in any case, goes under its relative path.

    Returns
    -------
    list of DropFile
        At least one.

    Raises
    ------
    DemoInputError
        Nothing is there, nothing in it is a parquet file by its name, or a name cannot be a key.
    """
    if given.is_dir():
        drops = [DropFile(path, path.relative_to(given).as_posix()) for path in _walk(given)]
        if not drops:
            raise DemoInputError(
                f"no file in {given} ends in .parquet: give a folder that has some, or a file"
            )
    elif given.is_file():
        if why_no_drop(given.name):
            raise DemoInputError(
                f"{given.name} does not end in .parquet, the inbox would ignore it: rename it"
            )
        drops = [DropFile(given, file_key(given))]
    else:
        raise DemoInputError(f"{given} does not exist: give a parquet file, or a folder with some")
    for drop in drops:
        _check_key(drop.key)
    return sorted(drops, key=lambda drop: drop.key)


def file_key(path: PurePath) -> str:
    """The key of a single file: its Hive-style part, if its path has one, else its name.

    Parameters
    ----------
    path
        E.g. ``/home/me/prtg/data/snmpcpu/company_id=1/sensor_id=422/7e94.parquet``.

    Returns
    -------
    str
        From the last ``data`` folder above the ``name=value`` folders on
        (``data/snmpcpu/company_id=1/sensor_id=422/7e94.parquet``), or from the first of these where there is
        none.
    """
    parts = PurePath(os.path.abspath(path)).parts  # noqa: PTH100 - resolve() would follow links to other names
    folders = parts[1:-1]
    hive = len(list(takewhile(lambda folder: "=" in folder, reversed(folders))))
    if not hive:
        return parts[-1]
    above = folders[:-hive]
    start = len(above) - 1 - above[::-1].index("data") if "data" in above else len(above)
    return "/".join((*folders[start:], parts[-1]))


def _walk(folder: Path) -> Iterator[Path]:
    """Every file below a folder whose name makes it a drop."""
    for where, _, names in os.walk(folder):
        for name in names:
            path = Path(where, name)
            if why_no_drop(path.relative_to(folder).as_posix()) is None and path.is_file():
                yield path


def _check_key(key: str) -> None:
    """Refuse a key that S3 cannot hold."""
    try:
        size = len(key.encode())
    except UnicodeEncodeError as error:
        raise DemoInputError(
            f"the name {key!a} is not UTF-8, no S3 key can be made of it: rename it"
        ) from error
    if size > MAX_KEY_BYTES:
        raise DemoInputError(
            f"the name {key[:60]}… makes a key of {size} bytes, S3 takes {MAX_KEY_BYTES}: shorten it"
        )
