"""Threads that work ahead of the one that takes their results, and end with the block they work for.

Arrow and the network leave Python's lock alone while they work, so that threads use every core.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from enum import Enum
from threading import Condition
from types import TracebackType
from typing import Protocol, Self

IN_FLIGHT_BYTES = 64 * 1024 * 1024
"""What may be under way in one stage: enough for every core, little enough for the smallest function."""

AHEAD_BYTES = 4 * 1024 * 1024
_MOST_AHEAD = 32
"""What may have been made in advance, in bytes and in items; one item is always let through."""


class Sized(Protocol):
    """Something that says how much memory it takes."""

    @property
    def nbytes(self) -> int:
        """Bytes."""


class Threads:
    """A context manager: at its end, whatever ended it, no thread is left."""

    def __init__(self) -> None:
        self._ends = ExitStack()

    def ahead[T: Sized](self, items: Iterable[T]) -> Iterator[T]:
        """The items, the next ones of which are made while the last one is worked on."""
        iterator, pool, room = iter(items), self._pool(1), _Room(AHEAD_BYTES)
        self._ends.callback(room.close)

        def make() -> T | _End:
            item = next(iterator, _End.END)
            if item is not _End.END:
                room.take(item.nbytes)
            return item

        coming = deque(pool.submit(make) for _ in range(_MOST_AHEAD))
        while (item := coming.popleft().result()) is not _End.END:
            room.give_back(item.nbytes)
            coming.append(pool.submit(make))
            yield item
            del item  # or it would be held while the next one, as large, is waited for

    def in_order[T: Sized, R](
        self, function: Callable[[T], R], items: Iterable[T], threads: int | None = None
    ) -> Iterator[R]:
        """`map`, on every core: the results in the items' order, and the first error as it was raised.

        As many items are under way as there are threads, and one more that waits, unless they take more than
        `IN_FLIGHT_BYTES`: then as many as do not, and at least one.

        Parameters
        ----------
        threads
            How many, where it is not the cores that are waited for.
        """
        threads = threads or len(os.sched_getaffinity(0))
        pool = self._pool(threads)
        under_way: deque[tuple[Future[R], int]] = deque()
        for item in items:
            size = item.nbytes
            while under_way and (
                len(under_way) > threads or size + sum(s for _, s in under_way) > IN_FLIGHT_BYTES
            ):
                yield under_way.popleft()[0].result()
            under_way.append((pool.submit(function, item), size))
            del item
        while under_way:
            yield under_way.popleft()[0].result()

    def _pool(self, threads: int) -> ThreadPoolExecutor:
        pool = ThreadPoolExecutor(threads)
        self._ends.callback(pool.shutdown, wait=True, cancel_futures=True)
        return pool

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.close()


class _End(Enum):
    """What stands for the end of the items."""

    END = 0


class _Room:
    """Room for so many bytes: who has more waits until some are given back, or nobody needs them any more."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._taken = 0
        self._closed = False
        self._changed = Condition()

    def take(self, size: int) -> None:
        """Wait until there is room; when all of it is free, there is, whatever the size."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._closed or not self._taken or self._taken + size <= self._size
            )
            self._taken += size

    def give_back(self, size: int) -> None:
        """Let others have it."""
        with self._changed:
            self._taken -= size
            self._changed.notify_all()

    def close(self) -> None:
        """Let nobody wait any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
