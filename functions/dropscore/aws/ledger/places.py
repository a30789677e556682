"""Where drops stand in the indexes that the catalogue is read from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zlib import crc32

from dropscore.aws.ledger.expressions import Item
from dropscore.aws.ledger.items import SPREAD, drop_partition, partition, stamp
from dropscore.domain.drop import DropState, ModelVersion
from dropscore.domain.source import Source


@dataclass(frozen=True)
class KeysIndex:
    """A global secondary index that projects keys only: the drops' items are read for themselves.

    Attributes
    ----------
    hash, range
        The attributes that are its key.
    newest_first
        Whether it is read backwards.
    """

    name: str
    hash: str
    range: str
    newest_first: bool


ARRIVALS = KeysIndex("arrivals", "arrivals", "arrived", newest_first=True)
"""Every drop: hash `drop#<day of arrival>#<0-7>`, range `<moment of arrival>#<drop_id>`."""

STATES = KeysIndex("states", "states", "arrived", newest_first=True)
"""Hash `<state>#<day>#<0-7>`, and `<state>#open#<0-7>` where the state is not final; range as before."""

VERSIONS = KeysIndex("versions", "versions", "arrived", newest_first=True)
"""Hash `<model version>#<day>#<0-7>`, range as before."""

KEYS = KeysIndex("keys", "keys", "key_order", newest_first=False)
"""Hash `key#<0-7>` by the source's key, range `key_order`."""

INDEXES = (ARRIVALS, STATES, VERSIONS, KEYS)

MAX_RANGE_BYTES = 1_024
"""What a sort key may have at most ("Constraints", DynamoDB Developer Guide); an S3 key, too, may have it."""

KEY_BYTES = 960
"""So much of a key is in the index; what follows it takes 54 bytes."""

_DIGITS = 32
"""Hex digits of a sequencer, or of a moment, in the index; S3's sequencers have 16 or 18."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HEX = re.compile(r"[0-9A-F]+")
_INVERTED = str.maketrans("0123456789ABCDEF", "FEDCBA9876543210")

_KEY_ORDER = re.compile(r"(.+)\x00[01][0-9A-F]{32}[0-9a-f]{20}", re.DOTALL)


class Entry(NamedTuple):
    """An index's entry: its range key, and the key of the item that it stands for."""

    place: str
    pk: str


@dataclass(frozen=True)
class Stretch:
    """The entries of some of an index's partitions whose range key is from `low` to `high`, both included."""

    index: KeysIndex
    partitions: tuple[str, ...]
    low: str
    high: str


def arrival_places(source: Source, arrived_at: datetime) -> Item:
    """Where a drop stands that has arrived; it stays there."""
    return {
        ARRIVALS.hash: drop_partition("drop", source.drop_id, arrived_at),
        ARRIVALS.range: f"{stamp(arrived_at)}#{source.drop_id}",
        KEYS.hash: key_partition(source.key),
        KEYS.range: key_order(source, arrived_at),
    }


def state_place(state: DropState, drop_id: str, arrived_at: datetime) -> Item:
    """Where a drop stands that comes to a state."""
    if state.final:
        return {STATES.hash: drop_partition(state.value, drop_id, arrived_at)}
    return {STATES.hash: open_partition(state, int(drop_id[0], 16))}


def version_place(model: ModelVersion, drop_id: str, arrived_at: datetime) -> Item:
    """Where a drop stands that a model version scores."""
    return {VERSIONS.hash: drop_partition(str(model.version), drop_id, arrived_at)}


def day_partitions(what: str, day: date) -> tuple[str, ...]:
    """All partitions of a day."""
    return tuple(partition(what, day, spread) for spread in range(SPREAD))


def open_partition(state: DropState, spread: int) -> str:
    """A partition of the drops in a state that is not final.

    They are few, and soon elsewhere: without a day in it there is none to be found where nothing is left.
    """
    return f"{state.value}#open#{spread % SPREAD}"


def key_partition(key: str) -> str:
    """The partition of a key's drops."""
    return f"key#{crc32(_utf8(key)) % SPREAD}"


def key_partitions() -> tuple[str, ...]:
    """All partitions of keys."""
    return tuple(f"key#{spread}" for spread in range(SPREAD))


def indexed_key(key: str) -> str:
    """As much of a key, or of a prefix of keys, as the index has."""
    return _utf8(key)[:KEY_BYTES].decode(errors="ignore")


def key_order(source: Source, arrived_at: datetime) -> str:
    """What sorts drops by key (UTF-8 bytes), a key's current version first.

    The later version is that of the larger sequencer: pad right with zeros, compare as strings ("Event
    message structure", S3 User Guide). It stands inverted, the larger one first; behind these stand the
    drops of which no event said it, the latest arrival first. NUL, which sorts before all that a key can go
    on with, ends the key; the drop's id makes each place one drop's own.
    """
    sequencer = (source.sequencer or "").upper()
    if known := bool(_HEX.fullmatch(sequencer)):
        digits = sequencer[:_DIGITS].ljust(_DIGITS, "0")
    else:
        digits = f"{(arrived_at - _EPOCH) // timedelta(milliseconds=1):0{_DIGITS}X}"
    behind = "0" if known else "1"
    return f"{indexed_key(source.key)}\0{behind}{digits.translate(_INVERTED)}{source.drop_id}"


def is_key_order(text: str) -> bool:
    """Whether `key_order` can have made the text."""
    match = _KEY_ORDER.fullmatch(text)
    return match is not None and indexed_key(match[1]) == match[1]


def _utf8(key: str) -> bytes:
    """A key's bytes; what no key of S3's can have is replaced."""
    return key.encode(errors="replace")
