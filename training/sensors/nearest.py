"""The nearest row in time, of the same device: the join of sensors."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Int64s = NDArray[np.int64]

NO_ROW = -1


@dataclass(frozen=True)
class Timeline:
    """Rows that others are matched with, in order of device and time; no two of a device at one instant.

    Attributes
    ----------
    device, instant
        Shape (n,): the device's number, and microseconds since 1970.
    row
        Shape (n,): which row of the original order it is.
    duplicates
        Rows left out, since an earlier row of the same device has the same instant.
    """

    device: Int64s
    instant: Int64s
    row: Int64s
    duplicates: int

    @classmethod
    def of(cls, device: Int64s, instant: Int64s) -> "Timeline":
        """Sort rows given in any order; of several of a device at the same instant, the first is kept."""
        order = np.lexsort((np.arange(len(device)), instant, device))
        device, instant = device[order], instant[order]
        same = (device[1:] == device[:-1]) & (instant[1:] == instant[:-1])
        first = np.concatenate([np.ones(min(1, len(order)), dtype=bool), ~same])
        return cls(device[first], instant[first], order[first], len(order) - int(first.sum()))

    def nearest(self, device: Int64s, instant: Int64s, tolerance: int) -> Int64s:
        """Find, for each of other rows, the nearest row of its device; of two as near, the earlier one.

        Parameters
        ----------
        device, instant
            Shape (m,), of the other rows, in any order.
        tolerance
            Microseconds; a row exactly so far away still counts.

        Returns
        -------
        Shape (m,), int64: the row's number in the original order, or `NO_ROW`.
        """
        found = np.full(len(device), NO_ROW, dtype=np.int64)
        for number in np.unique(device):
            start, end = np.searchsorted(self.device, [number, number + 1])
            if start < end:
                chosen = device == number
                place, distance = _nearest(self.instant[start:end], instant[chosen])
                found[chosen] = np.where(distance <= tolerance, self.row[start:end][place], NO_ROW)
        return found


def _nearest(sorted_instants: Int64s, instants: Int64s) -> tuple[Int64s, Int64s]:
    """The place of the nearest of some instants, ascending and at least one, and how far away it is."""
    after = np.searchsorted(sorted_instants, instants)
    before = np.maximum(after - 1, 0)
    after = np.minimum(after, len(sorted_instants) - 1)
    to_before = np.abs(instants - sorted_instants[before])
    to_after = np.abs(sorted_instants[after] - instants)
    earlier = to_before <= to_after
    return np.where(earlier, before, after), np.where(earlier, to_before, to_after)
