"""How many instances a job is worth."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

WORTH_AN_INSTANCE = 256 * 1024 * 1024
"""Bytes of features for which one more instance is taken.

All instances of a job take the same minutes to start, and each of them is paid for. A container scored
110,000 rows, 3.1 MB, in 0.27 s on one CPU (a linear model): 256 MB are half a minute's work for it, and some
minutes', about what starting takes, for a model that is ten times slower. At the shards' usual size they are
64 objects, so that instances, among which SageMaker deals objects by key, come out about even.
"""

MOST_PER_INSTANCE = 8 * 1024 * 1024 * 1024
"""Bytes of features for one instance in one job; more drops wait for the next one.

At 1 MB a second, a tenth of what a linear model was seen to do, these are over two hours: a job ends within
`MaxJobHours`, 6 unless told otherwise, instead of being stopped there and begun again in halves.
"""


@dataclass(frozen=True)
class Fleet:
    """Between how many and how many instances a job may have."""

    least: int
    most: int

    @property
    def most_bytes(self) -> int:
        """Bytes of features that a job may have; a single drop may have more."""
        return self.most * MOST_PER_INSTANCE

    def instances(self, feature_bytes: int, shards: int) -> int:
        """How many instances score so much in so many shards.

        Never more than there are shards: one object is scored by one instance ("Batch transform for inference
        with Amazon SageMaker AI", developer guide), and another would start, be paid for, and idle.
        """
        worthwhile = ceil(feature_bytes / WORTH_AN_INSTANCE)
        return max(1, min(max(worthwhile, self.least), self.most, shards))
