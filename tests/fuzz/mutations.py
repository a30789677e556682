"""Files damaged by chance: bytes flipped, cut, doubled, and pieces of one in another."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.fuzz.case import Case
from tests.fuzz.corpus import corpus
from tests.fuzz.footer import Parts, with_footer
from tests.fuzz.thrift import LIST, Field, Sequence, Struct, write


def mutation(seed: int) -> Case:
    """The case of a seed: always the same."""
    rng = Random(seed)  # noqa: S311 - a fixed sequence
    name, data = rng.choice(list(corpus().items()))
    change = rng.choice(_CHANGES)
    what = change.__name__.strip("_").replace("_", "-")

    def make() -> bytes:
        chance = Random(f"{seed}-bytes")  # noqa: S311
        changed = change(data, chance)
        return _flip(changed, chance) if chance.random() < 0.2 else changed

    return Case(f"seed-{seed}-{what}-{name}", make)


def _flip(data: bytes, rng: Random) -> bytes:
    """Bits of a few bytes anywhere."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 8) if changed else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _flip_in_footer(data: bytes, rng: Random) -> bytes:
    start = len(Parts.of(data).data)
    return data[:start] + _flip(data[start:-8], rng) + data[-8:]


def _flip_in_data(data: bytes, rng: Random) -> bytes:
    start = len(Parts.of(data).data)
    return _flip(data[:start], rng) + data[start:]


def _special_bytes(data: bytes, rng: Random) -> bytes:
    """A run of 0 or of 255."""
    start = rng.randrange(len(data))
    return (
        data[:start] + rng.choice([b"\0", b"\xff", b"\x7f", b"\x80"]) * rng.randint(1, 9) + data[start + 9 :]
    )


def _cut(data: bytes, rng: Random) -> bytes:
    return data[: rng.randrange(len(data))]


def _cut_in_the_middle(data: bytes, rng: Random) -> bytes:
    start, end = sorted(rng.randrange(len(data)) for _ in range(2))
    return data[:start] + data[end:]


def _double_a_block(data: bytes, rng: Random) -> bytes:
    start, end = sorted(rng.randrange(len(data)) for _ in range(2))
    return data[:end] + data[start:]


def _cut_data_keep_footer(data: bytes, rng: Random) -> bytes:
    parts = Parts.of(data)
    return with_footer(parts.data[: rng.randrange(len(parts.data))], write(parts.footer))


def _splice(data: bytes, rng: Random) -> bytes:
    """The footer of one file on the data of another."""
    other = Parts.of(rng.choice(list(corpus().values())))
    return Parts(Parts.of(data).data, other.footer).file()


def _swap_a_block(data: bytes, rng: Random) -> bytes:
    """A block out of another file."""
    other = rng.choice(list(corpus().values()))
    start, size = rng.randrange(len(data)), rng.randint(1, 400)
    there = rng.randrange(len(other))
    return data[:start] + other[there : there + size] + data[start + size :]


def _lie_in_footer(data: bytes, rng: Random) -> bytes:
    """Some of the footer's values changed, so that it can still be decoded."""
    parts = Parts.of(data)
    fields = list(_fields(parts.footer))
    for _ in range(rng.randint(1, 3)):
        field = rng.choice(fields)
        field.value = _other(field, rng)
    return parts.file()


def _shuffle_footer(data: bytes, rng: Random) -> bytes:
    """Items of one of its lists doubled, lost or in another order."""
    parts = Parts.of(data)
    lists = [
        field.value for field in _fields(parts.footer) if field.kind == LIST and len(field.value.items) > 1
    ]
    items = rng.choice(lists).items
    place = rng.randrange(len(items))
    match rng.randrange(3):
        case 0:
            items.insert(place, items[place])
        case 1:
            del items[place]
        case 2:
            rng.shuffle(items)
    return parts.file()


def _fields(struct: Struct) -> list[Field]:
    """Every field below, at any depth."""
    found = []
    for field in struct.values():
        found.append(field)
        match field.value:
            case dict():
                found += _fields(field.value)
            case Sequence(kind=12, items=items):
                found += [inner for item in items for inner in _fields(item)]
    return found


def _other(field: Field, rng: Random) -> object:
    match field.kind:
        case 4 | 5 | 6:
            near = field.value + rng.choice([-2, -1, 1, 2, 64])
            odd = rng.choice([0, -1, 1, 7, 2**15, 2**31 - 1, -(2**31), 2**31, 2**40, 2**62, -(2**62)])
            return rng.choice([near, odd, field.value * 2, -field.value])
        case 3:
            return rng.randrange(256)
        case 7:
            return rng.choice([0.0, float("nan"), 1e308])
        case 8:
            return rng.choice(
                [b"", _flip(field.value, rng), field.value * 2, b"x", b"\xff\xfe", rng.randbytes(20)]
            )
        case 1 | 2:
            return not field.value
    return field.value


_CHANGES: list[Callable[[bytes, Random], bytes]] = [
    _flip,
    _flip_in_footer,
    _flip_in_data,
    _flip_in_data,
    _special_bytes,
    _cut,
    _cut_in_the_middle,
    _double_a_block,
    _cut_data_keep_footer,
    _splice,
    _swap_a_block,
    _lie_in_footer,
    _lie_in_footer,
    _lie_in_footer,
    _shuffle_footer,
]
