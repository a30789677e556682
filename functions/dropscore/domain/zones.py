"""Time zones, from the pinned tzdata package and never from the machine's own database.

The Lambda runtime for Python 3.12 is built on Amazon Linux 2023, whose minimal image has no zone database
(aws/aws-lambda-dotnet issue 1620), and two machines' databases may differ: training and scoring must not.
"""

from __future__ import annotations

import re
from datetime import UTC, timedelta, timezone, tzinfo
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

from dropscore.domain.errors import DropscoreError

_UTC = frozenset(("utc", "gmt", "ut", "z"))
_FIXED_OFFSET = re.compile(r"(?:UTC|GMT|UT)?([+-])([0-9]{1,2})(?::?([0-5][0-9]))?", re.IGNORECASE)


class UnknownZone(DropscoreError):
    """The name is neither in the zone database nor an offset such as `+02:00`."""


@lru_cache(maxsize=64)
def zone(name: str) -> tzinfo:
    """The zone called `name`: an IANA name, UTC, or a fixed offset.

    Parameters
    ----------
    name
        UTC is `UTC`, `GMT`, `UT` or `Z`, in any case. An offset is `±HH:MM`, as Arrow writes it, `±HHMM`,
        `±HH` or `±H`, alone or after `UTC`, `GMT` or `UT`, as Java's `ZoneId` and Python's `timezone` write
        it: plus is ahead of UTC, as in ISO 8601. In the IANA names `Etc/GMT±H` plus is behind UTC, as in
        POSIX (file `etcetera` of the database): `GMT+8` is UTC+08:00, `Etc/GMT+8` is UTC-08:00.

    Raises
    ------
    UnknownZone
        No such zone.
    """
    if name.lower() in _UTC:
        return UTC
    if match := _FIXED_OFFSET.fullmatch(name):
        sign, hours, minutes = match.groups(default="0")
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        if offset >= timedelta(days=1):
            raise UnknownZone(f"{name!r} is not the offset of a time zone: it is a day or more")
        return timezone(-offset if sign == "-" else offset)
    if not re.fullmatch(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*", name):
        raise UnknownZone(f"{name!r} is not the name of a time zone")
    try:
        with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
            return ZoneInfo.from_file(data, key=name)
    except (OSError, ValueError) as error:
        raise UnknownZone(
            f"{name!r} is not in the time zone database (IANA names such as Europe/Berlin are)"
        ) from error


def fixed_offset(name: str) -> int | None:
    """Seconds that zone `name` is always ahead of UTC; None where that changes, or did once.

    Raises
    ------
    UnknownZone
        No such zone.
    """
    offset = zone(name).utcoffset(None)
    return None if offset is None else round(offset.total_seconds())


def one_name(name: str) -> str:
    """The one name of zone `name`: `UTC` or `±HH:MM` for a fixed offset, however it is written, else `name`.

    Raises
    ------
    UnknownZone
        No such zone.
    """
    seconds = fixed_offset(name)
    if seconds is None:
        return name
    minutes = abs(seconds) // 60
    return f"{'-' if seconds < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}" if minutes else "UTC"
