"""Moments as the API reads them; it writes them as the ledger does (`stamp`)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_LEAP = "([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)"
_DAY = (
    "([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    f"|02-(0[1-9]|1[0-9]|2[0-8]))|{_LEAP}-02-29)"
)
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?"

PATTERN = f"{_DAY}[Tt]{_TIME}([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?"
"""A date and time of RFC 3339 (section 5.6, and appendix C for leap years), its offset left out or not."""

_PARTS = re.compile(r"(.{10}).(.{5}):(..)(?:\.([0-9]+))?[Zz]?(?:([+-])(..):(..))?")
_EARLIEST, _LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_MICROSECOND_DIGITS = 6


class NotAMoment(ValueError):
    """The text is no date and time as RFC 3339 writes them."""


def moment(text: str) -> datetime:
    """A moment in RFC 3339's form, in UTC; without an offset it is read as UTC.

    Parts finer than a microsecond are rounded up, so that no moment before it compares as not before it. A
    leap second is the one after it; what lies outside of the calendar is the calendar's end.

    Raises
    ------
    NotAMoment
        It is none.
    """
    parts = _PARTS.fullmatch(text) if re.fullmatch(PATTERN, text) else None
    if parts is None:
        raise NotAMoment(f"{text!r} is no date and time such as 2026-03-01T00:00:00Z")
    day, minute, second, fraction, sign, hours, minutes = parts.groups()
    if day.startswith("0000"):
        return _EARLIEST
    since = timedelta(seconds=int(second)) + _fraction(fraction or "")
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    start = datetime.fromisoformat(f"{day}T{minute}:00+00:00")
    try:
        return start + since + (offset if sign == "-" else -offset)
    except OverflowError:
        return _EARLIEST if day.startswith("0001") else _LATEST


def _fraction(digits: str) -> timedelta:
    micros = int(digits[:_MICROSECOND_DIGITS].ljust(_MICROSECOND_DIGITS, "0"))
    return timedelta(microseconds=micros + bool(digits[_MICROSECOND_DIGITS:].strip("0")))
