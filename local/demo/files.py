"""The files that the demo drops, and the keys that they go to the inbox under."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path, PurePath

from dropscore.domain.source import NoDrop, why_no_drop
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


@dataclass(frozen=True)
class Found:
    """What a file or a folder gives to the inbox, in the order of the keys, and what of it is no drop.

    Attributes
    ----------
    no_drops
        Files that the inbox would let go, relative to the folder, by reason.
    """

    drops: list[DropFile] = field(default_factory=list)
    no_drops: dict[NoDrop, list[str]] = field(default_factory=dict)

    def say_no_drops(self) -> list[str]:
        """A line for each reason, with the number of files and the first of them."""
        return [
            f"no drops: {len(names)} ({reason}: {reason.describe()}), such as {min(names)!r}"
            for reason, names in sorted(self.no_drops.items())
        ]


def find_drops(given: Path) -> Found:
    """List what a file or a folder gives to the inbox.

    Parameters
    ----------
    given
        A parquet file, which goes under ``file_key``; or a folder, of which everything that is a drop by the
        inbox's rule for keys (``why_no_drop``) goes under its relative path.

    Returns
    -------
    Found
        With at least one drop.

    Raises
    ------
    DemoInputError
        Nothing is there, nothing in it is a drop by its key, or a name cannot be a key.
    """
    if given.is_dir():
        found = _sorted_out(given)
    elif given.is_file():
        found = Found([DropFile(given, file_key(given))])
        if reason := why_no_drop(found.drops[0].key):
            raise DemoInputError(
                f"{found.drops[0].key}: {reason.describe()}, the inbox would ignore it: rename it"
            )
    else:
        raise DemoInputError(f"{given} does not exist: give a parquet file, or a folder with some")
    for drop in found.drops:
        _check_key(drop.key)
    return found


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


def _sorted_out(folder: Path) -> Found:
    """Every file below a folder, by what the inbox would say of its key."""
    found = Found()
    for path in _files(folder):
        key = path.relative_to(folder).as_posix()
        if reason := why_no_drop(key):
            found.no_drops.setdefault(reason, []).append(key)
        else:
            found.drops.append(DropFile(path, key))
    if not found.drops:
        others = "; ".join(found.say_no_drops())
        raise DemoInputError(
            f"no file in {folder} ends in .parquet and is neither temporary nor metadata: give a folder that "
            f"has some, or a file{f' ({others})' if others else ''}"
        )
    found.drops.sort(key=lambda drop: drop.key)
    return found


def _files(folder: Path) -> Iterator[Path]:
    for where, _, names in os.walk(folder):
        yield from (path for name in names if (path := Path(where, name)).is_file())


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
