"""What the tests of predictions are made of."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from dropscore.aws.endpoint import Answered
from dropscore.deadline import Deadline
from dropscore.domain.serving import Serving
from dropscore.domain.spec import FeatureSpec, sha256_hex

TIMED = FeatureSpec(("minutes", "hour", "day_of_week"), "cpu", "ts", ("device_id",))
TRAFFIC = FeatureSpec(("speed", "hour"), "cpu", "ts")
GROUP = "dropscore"
NOW = datetime(2026, 3, 4, tzinfo=UTC)


def variant_of(spec: FeatureSpec, version: int = 3) -> str:
    return Serving.of(version, sha256_hex(spec.to_bytes())).variant


def in_seconds(seconds: float = 29) -> Deadline:
    """A deadline so far away; its clock stands still."""
    return Deadline(lambda: NOW, NOW + timedelta(seconds=seconds), timedelta(seconds=29))


@dataclass
class FakeEndpoint:
    """Answers the sum of each row, or what it is told to; `serves` is the variant it names."""

    serves: str = variant_of(TIMED)
    answer: Callable[[str], str] = lambda rows: "\n".join(
        str(sum(map(float, row.split(",")))) for row in rows.split("\n") if row
    )
    asked: list[str] = field(default_factory=list)
    name: str = "toy"

    def ask(self, rows: str, left: timedelta) -> Answered:
        assert left <= timedelta(seconds=29)
        self.asked.append(rows)
        return Answered(self.answer(rows), self.serves)


class FakeModels:
    """A models bucket that holds the specs of versions."""

    def __init__(self, **specs: FeatureSpec) -> None:
        self.objects = {f"{GROUP}/endpoint/{key}.json": spec.to_bytes() for key, spec in specs.items()}
        self.reads: list[str] = []

    @classmethod
    def of(cls, *versions: tuple[int, FeatureSpec]) -> FakeModels:
        return cls(**{variant_of(spec, version): spec for version, spec in versions})

    def uri(self, key: str) -> str:
        return f"s3://models/{key}"

    def read(self, key: str) -> bytes:
        self.reads.append(key)
        if key not in self.objects:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject")
        return self.objects[key]


def body_of(answer: dict[str, Any]) -> dict[str, Any]:
    return json.loads(answer["body"])
