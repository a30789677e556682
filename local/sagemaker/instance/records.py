"""An object's bytes as the mini-batches that go to the container."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Protocol

from local.sagemaker.instance.errors import ClientFault

MEGABYTE = 1024 * 1024
TOO_LARGE = "Too much data for max payload size"


class Readable(Protocol):
    """Something that bytes can be read from, in order."""

    def read(self, size: int = -1, /) -> bytes:
        """At most so many bytes (all if negative), none at the end."""


def mini_batches(source: Readable, *, split: str, strategy: str, limit: int) -> Iterator[bytes]:
    """Cut an object into request bodies.

    Parameters
    ----------
    source
        The object's bytes; at most two mini-batches of them are held at a time.
    split
        ``None`` (the whole object is one record) or ``Line``.
    strategy
        ``MultiRecord`` (as many lines as fit) or ``SingleRecord`` (one line).
    limit
        Bytes one request may carry (MaxPayloadInMB), line ends included, measured before the input filter.

    Raises
    ------
    ClientFault
        When one record is larger than the limit.
    """
    if split == "None":
        yield _whole(source, limit)
    elif strategy == "SingleRecord":
        for block in _blocks_of_lines(source, limit):
            yield from io.BytesIO(block)
    else:
        yield from _blocks_of_lines(source, limit)


def _whole(source: Readable, limit: int) -> bytes:
    body = source.read(limit + 1)
    if len(body) > limit:
        raise ClientFault(TOO_LARGE)
    return body


def _blocks_of_lines(source: Readable, limit: int) -> Iterator[bytes]:
    """As many whole lines as fit, again and again."""
    held = b""
    while True:
        block = _fill(source, held, limit + 1)
        if len(block) <= limit:
            if block:
                yield block
            return
        cut = block.rfind(b"\n", 0, limit) + 1
        if not cut:
            raise ClientFault(TOO_LARGE)
        yield block[:cut]
        held = block[cut:]


def _fill(source: Readable, held: bytes, size: int) -> bytes:
    """The held bytes and what follows, up to a size; fewer only at the end (streams may read short)."""
    parts, total = [held], len(held)
    while total < size:
        more = source.read(size - total)
        if not more:
            break
        parts.append(more)
        total += len(more)
    return b"".join(parts)
