"""The training baseline: what each feature and the target looked like when the model learned."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

PROBABILITIES = (0.0, 0.01, 0.05, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95, 0.99, 1.0)


@dataclass
class NullCounter:
    """Nulls per column over all rows read, before any row is left out or sampled."""

    rows: int = 0
    nulls: dict[str, int] = field(default_factory=dict)

    def add(self, rows: int, nulls: Mapping[str, int]) -> None:
        """Count a batch of ``rows`` rows with so many nulls per column."""
        self.rows += rows
        for name, count in nulls.items():
            self.nulls[name] = self.nulls.get(name, 0) + count

    def share(self, name: str) -> float:
        """The share of a column's rows that are null, 0 to 1."""
        return self.nulls.get(name, 0) / self.rows if self.rows else 0.0


def baseline(values: Mapping[str, NDArray[np.float64]], null_shares: Mapping[str, float]) -> dict[str, Any]:
    """Describe the training data, per feature and target.

    Parameters
    ----------
    values
        Per name the values the model learned from, shape (rows,), float64, all finite.
    null_shares
        Per name the share (0 to 1) of source rows that were null.

    Returns
    -------
    dict
        Per name ``count``, ``null_share`` and ``quantiles`` (probability as text → value, interpolated).
    """
    return {
        name: {
            "count": len(column),
            "null_share": null_shares[name],
            "quantiles": {
                f"{probability:g}": float(value)
                for probability, value in zip(PROBABILITIES, np.quantile(column, PROBABILITIES), strict=True)
            },
        }
        for name, column in values.items()
    }
