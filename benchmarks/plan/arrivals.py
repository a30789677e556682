"""When the files of a day arrive."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.plan.workload import DAY, Profile, Workload

SLOT_SECONDS = 5
"""Files that arrive within so many seconds are one cohort, however many they are.

A hundred million a day are 17,280 cohorts then, as a million are: what is simulated grows with the time, and
not with the files. Five seconds are what Lambda gathers messages for anyway (`BatchWindowSeconds`).
"""

_HOURS = {
    Profile.EVEN: (0, 24),
    Profile.BUSINESS_HOURS: (8, 18),
    Profile.NIGHTLY: (2, 3),
}
"""From when to when in the day, in UTC, they arrive, at an even rate."""


def arrivals(workload: Workload, day: int) -> Iterator[tuple[float, int]]:
    """The cohorts of one day, in order: when each arrives, in seconds, and how many files it has.

    Each file arrives in some slot of the profile's hours, independently of the others: as many as the
    workload says arrive in all, the same ones for the same seed.

    Parameters
    ----------
    day
        The how manieth, from 0.
    """
    first, last = (hour * 3_600 // SLOT_SECONDS for hour in _HOURS[workload.profile])
    slots = last - first
    random = np.random.default_rng([workload.seed, day])
    files = random.multinomial(workload.files_per_day, np.full(slots, 1 / slots))
    for slot in np.flatnonzero(files):
        yield day * DAY + (first + int(slot)) * SLOT_SECONDS, int(files[slot])


def hours(profile: Profile) -> int:
    """In how many hours of the day files arrive."""
    first, last = _HOURS[profile]
    return last - first
