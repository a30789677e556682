"""What a day costs, item by item, by a price list."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.plan.flow import Totals
from benchmarks.plan.requests import messages, of_sagemaker, read_units, requests_per_drop, write_units
from benchmarks.plan.workload import DAY, Work
from dropscore.domain.errors import DropscoreError

PRICES = Path(__file__).resolve().parents[1] / "prices.json"

GB = 1e9
MONTH_DAYS = 30.4

FREE_STORAGE_MEGABYTES = 512
"""Of /tmp, with each function (AWS Lambda pricing)."""

SWEEP_SECONDS = 1.5
"""A sweep. Assumed (`smoke: none`)."""


class NoPrice(DropscoreError):
    """The price list lacks a price: whoever plans can add it."""


@dataclass(frozen=True)
class Prices:
    """A price list: dollars by name, each for the unit that the list says.

    Attributes
    ----------
    region
        Of which these are the prices.
    dollars
        By name.
    doubtful
        Names of those that are assumed, or known from second hand.
    """

    region: str
    dollars: Mapping[str, float]
    doubtful: frozenset[str]

    @classmethod
    def read(cls, file: Path = PRICES) -> Prices:
        """Read the list."""
        said = json.loads(file.read_text())
        dollars = {name: float(entry["dollars"]) for name, entry in said["prices"].items()}
        doubtful = frozenset(name for name, entry in said["prices"].items() if entry["status"] != "aws")
        return cls(said["region"], dollars, doubtful)

    def __getitem__(self, name: str) -> float:
        """The price of that name.

        Raises
        ------
        NoPrice
            There is none.
        """
        if name not in self.dollars:
            raise NoPrice(f"the price list has no {name}: add it, with its unit and its source")
        return self.dollars[name]


def of_day(work: Work, day: Totals, prices: Prices) -> dict[str, float]:
    """Dollars of a day, by item; what is stored is paid for a month, in the work bucket until it expires.

    Without what does not grow with the files: alarms, keys, the results API, and the endpoint.
    """
    per_job = day.scored / max(1.0, day.jobs)
    return {
        "SageMaker instances": day.instance_seconds / 3_600 * prices[f"sagemaker {work.stack.instance_type}"],
        **_lambda(work, day, prices),
        **_s3(work, day, prices, per_job),
        "DynamoDB writes": day.scored * write_units(work, per_job) * prices["dynamodb write"],
        "DynamoDB reads": read_units(work, day) * prices["dynamodb read"],
        "DynamoDB storage": 2 * day.scored * work.speeds.drop_item_bytes / GB * prices["dynamodb GB-month"],
        "SQS": messages(work.stack, day) * prices["sqs request"],
        "EventBridge": day.scored * prices["eventbridge event"],
        "CloudWatch logs": day.scored * work.speeds.log_bytes / GB * prices["logs GB"],
        "X-Ray": _traces(day) * prices["xray trace"],
    }


def _lambda(work: Work, day: Totals, prices: Prices) -> dict[str, float]:
    sweeps = DAY / work.stack.sweep_seconds
    seconds = day.prepare_seconds + day.collect_seconds + sweeps * SWEEP_SECONDS
    storage = max(0, work.stack.storage_megabytes - FREE_STORAGE_MEGABYTES) / 1_024
    memory = work.stack.memory_megabytes / 1_024
    return {
        "Lambda time": seconds
        * (memory * prices["lambda GB-second"] + storage * prices["lambda storage GB-second"]),
        "Lambda requests": (day.prepares + day.collects + sweeps) * prices["lambda request"],
    }


def _s3(work: Work, day: Totals, prices: Prices, per_job: float) -> dict[str, float]:
    asked = requests_per_drop(work, per_job)
    theirs = of_sagemaker(work)
    puts = asked["PutObject"] + asked["ListObjectsV2"] + theirs["UploadPart"]
    gets = asked["GetObject"] + theirs["GetObject"]
    speeds, rows = work.speeds, day.scored * work.workload.rows_per_file
    kept = rows * (speeds.source_bytes + speeds.result_bytes)
    working = rows * (speeds.feature_bytes + speeds.context_bytes + speeds.output_bytes)
    months = work.stack.work_retention_days / MONTH_DAYS
    return {
        "S3 writes": day.scored * puts * prices["s3 put"],
        "S3 reads": (day.scored * gets + day.prepares) * prices["s3 get"],
        "S3 storage": (kept + working * months) / GB * prices["s3 GB-month"],
    }


def _traces(day: Totals) -> float:
    """X-Ray's default: the first request of each second, and 5 % of the others."""
    invocations = day.prepares + day.collects
    first = min(invocations, DAY)
    return first + 0.05 * (invocations - first)
