"""What scoring files again costs, from list prices; what is not known is said.

The prices are those that others quote of AWS's price pages, which nobody has asked for an account here.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

PRICES_OF = "list prices of us-east-1, which may have changed"

COPY_REQUEST = 0.005 / 1_000
"""Dollars for a COPY or PUT request of S3 Standard ("Amazon S3 pricing")."""

HEAD_REQUEST = 0.0004 / 1_000
STORED_GIB_MONTH = 0.023
"""Dollars for a GB-month of S3 Standard, the first 50 TB. A copy is one more version; the old one stays."""

INSTANCE_HOUR = {"ml.m5.large": 0.115, "ml.m5.xlarge": 0.23, "ml.m5.2xlarge": 0.461, "ml.m5.4xlarge": 0.922}
"""Dollars for an instance's hour of batch transform ("Amazon SageMaker pricing"); others are not known."""

JOB_MINUTES = 5
"""A job starts for some minutes, whatever it scores; the README counts the same."""


@dataclass(frozen=True)
class Cost:
    """An estimate in dollars; `jobs` is None where the instance's price is not known here."""

    copies: float
    storage_month: float
    transform_jobs: int
    jobs: float | None

    def words(self, instance_type: str) -> str:
        """One line for a person."""
        ones = "job" if self.transform_jobs == 1 else "jobs"
        jobs = f"{self.transform_jobs:,} transform {ones} of {JOB_MINUTES} minutes on {instance_type}"
        price = "a price that is not known here" if self.jobs is None else f"at least {_dollars(self.jobs)}"
        return (
            f"{_dollars(self.copies)} for copying, {_dollars(self.storage_month)} a month for new versions,"
            f" {price} for {jobs}. Estimate from {PRICES_OF};"
            " how long the rows take, and Lambda, are not in it"
        )


def estimate(*, files: int, size: int, job_max_drops: int, instances: int, instance_type: str) -> Cost:
    """What scoring so many files of so many bytes in all comes to, at the least.

    Full jobs are counted; files that arrive slowly form more of them.
    """
    jobs = ceil(files / job_max_drops)
    hourly = INSTANCE_HOUR.get(instance_type)
    return Cost(
        copies=files * (COPY_REQUEST + HEAD_REQUEST),
        storage_month=size / 1024**3 * STORED_GIB_MONTH,
        transform_jobs=jobs,
        jobs=None if hourly is None else jobs * instances * JOB_MINUTES / 60 * hourly,
    )


def _dollars(amount: float) -> str:
    return "under 0.01 dollars" if amount < 0.01 else f"{amount:,.2f} dollars"  # noqa: PLR2004 - a cent
