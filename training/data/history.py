"""What the target was a day before: the prediction that needs no model."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from training.sensors.clocks import NO_INSTANT

MINUTE = 60_000_000
MINUTES_PER_DAY = 1_440


@dataclass
class History:
    """The target of every row that can be trained on, by device and minute."""

    _devices: list[NDArray[np.int64]] = field(default_factory=list)
    _instants: list[NDArray[np.int64]] = field(default_factory=list)
    _targets: list[NDArray[np.float64]] = field(default_factory=list)

    def add(self, device: NDArray[np.int64], instant: NDArray[np.int64], target: NDArray[np.float64]) -> None:
        """Take in rows, in any order; shape (n,) each, instants in microseconds."""
        known = (instant != NO_INSTANT) & (device >= 0)
        self._devices.append(device[known])
        self._instants.append(instant[known])
        self._targets.append(target[known])

    def day_before(self, device: NDArray[np.int64], instant: NDArray[np.int64]) -> NDArray[np.float64]:
        """Look up the same minute, 24 hours earlier, of the same device.

        Parameters
        ----------
        device, instant
            Shape (m,), of the rows that are asked about.

        Returns
        -------
        Shape (m,), float64: the mean of the device's targets in that minute; NaN where there is none.
        """
        found = np.full(len(device), np.nan)
        asked = (instant != NO_INSTANT) & (device >= 0)
        past = np.concatenate([np.empty(0, np.int64), *self._devices])
        if not len(past) or not asked.any():
            return found
        minutes = np.concatenate(self._instants) // MINUTE
        first, span = int(minutes.min()), int(minutes.max() - minutes.min()) + 2 * MINUTES_PER_DAY
        keys, place = np.unique(past * span + (minutes - first) + MINUTES_PER_DAY, return_inverse=True)
        means = np.bincount(place, np.concatenate(self._targets)) / np.bincount(place)
        # A device's keys lie a day from either end of its span: a minute beyond them finds nothing.
        wanted = np.clip(instant[asked] // MINUTE - first, 0, span - 1)
        key = device[asked] * span + wanted
        there = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
        found[asked] = np.where(keys[there] == key, means[there], np.nan)
        return found
