"""Time zones, from the pinned tzdata package and never from the machine's own database.

The Lambda runtime for Python 3.12 is built on Amazon Linux 2023, whose minimal image has no zone database
(aws/aws-lambda-dotnet issue 1620), and two machines' databases may differ: training and scoring must not.
"""

from __future__ import annotations

import re
from datetime import timedelta, timezone, tzinfo
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

from dropscore.domain.errors import DropscoreError

_FIXED_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})")


class UnknownZone(DropscoreError):
    """The name is neither in the zone database nor an offset such as `+02:00`."""


@lru_cache(maxsize=64)
def zone(name: str) -> tzinfo:
    """The zone called `name`: an IANA name, `UTC`, or a fixed offset `±HH:MM` as Arrow writes it.

    Raises
    ------
    UnknownZone
        No such zone.
    """
    if match := _FIXED_OFFSET.fullmatch(name):
        sign, hours, minutes = match.groups()
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
