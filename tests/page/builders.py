"""Drops, results and jobs in the shapes of the results API, as small or as large as a test needs them."""

from __future__ import annotations

import hashlib
import math
import random
from datetime import datetime, timedelta
from typing import Any

START = datetime(2024, 6, 1)  # noqa: DTZ001 - the sensors' timestamps have no zone
PACKAGE = "arn:aws:sagemaker:eu-central-1:123456789012:model-package/cpu-load/3"
OPEN = ("WAITING", "PREPARING", "PREPARED", "SCORING")


def drop_id(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()[:20]


def drop(number: int = 1, state: str = "SCORED", **changed: Any) -> dict[str, Any]:
    """A drop as `GET drops/{drop_id}` tells it."""
    here, final, scored = drop_id(number), state not in OPEN, state == "SCORED"
    arrived = datetime(2024, 7, 1, 6) + timedelta(minutes=7 * number)  # noqa: DTZ001 - written with a Z below
    rows = changed.pop("rows", 43_200)
    rejected = changed.pop("rows_rejected", 0)
    reason = {"REJECTED": "none of the 12 rows can be scored", "FAILED": "AlgorithmError: exit code 1"}.get(
        state
    )
    way = ["PREPARING", "PREPARED", "SCORING"]
    before = {"SCORED": 3, "FAILED": 3, "SCORING": 2, "PREPARED": 1, "REJECTED": 1}
    states = [*way[: before.get(state, 0)], state]
    job = f"dropscore-{here[:12]}" if "SCORING" in states else None
    detail = {
        "drop_id": here,
        "source_key": f"data/snmpcpu/company_id=1/sensor_id={420 + number}/{here}.parquet",
        "state": state,
        "reason": reason,
        "arrived_at": moment(arrived),
        "finished_at": moment(arrived + timedelta(seconds=310)) if final else None,
        "rows_in": rows if state not in ("WAITING", "PREPARING") else None,
        "rows_scored": (rows - rejected if scored else 0) if final else None,
        "rows_rejected": (rejected if scored else rows) if final else None,
        "model_version": 3 if state != "WAITING" else None,
        "transform_job": job,
        "links": {
            "self": f"drops/{here}",
            "predictions": f"drops/{here}/predictions" if scored else None,
            "rejects": f"drops/{here}/rejects" if final else None,
            "download": f"drops/{here}/predictions?download=parquet" if scored else None,
            "job": f"jobs/{job}" if job else None,
        },
        "source_bucket": "example-inbox",
        "source_version": "3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY",
        "prepared_at": moment(arrived + timedelta(seconds=2)),
        "attempt": 1,
        "tries": 1,
        "history": [
            {"state": one, "at": moment(arrived + timedelta(seconds=2.3 * at**3)), "reason": None}
            for at, one in enumerate(states)
        ],
        "lineage": {
            "model_group": "cpu-load",
            "model_version": 3,
            "model_package_arn": PACKAGE,
            "feature_spec_uri": "s3://example-models/cpu-load/3/feature_spec.json",
            "feature_spec_sha256": hashlib.sha256(b"spec").hexdigest(),
            "transform_job": job,
            "code_version": "1.4.0",
            "result_uri": f"s3://example-results/predictions/model_group=cpu-load/model_version=3/{here}.parquet",
            "rejects_uri": f"s3://example-results/rejects/{here}.parquet" if rejected else None,
        },
        "errors": None,
    }
    if scored:
        detail["errors"] = {"rows": rows - rejected, "mean_absolute": 0.7163, "median_absolute": 0.6071,
                            "p95_absolute": 1.7421, "root_mean_square": 1.0214}  # fmt: skip
    return detail | changed


def moment(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds") + "Z"


def month(rows: int = 43_200, zone: str = "", start: datetime = START) -> list[dict[str, Any]]:
    """Predictions and actuals of a processor's load, a row a minute: quiet nights, busy days, bursts."""
    dice = random.Random(20240601)  # noqa: S311 - noise, no secret
    found = []
    for row in range(rows):
        at = start + timedelta(minutes=row, milliseconds=26_000 + dice.randint(-400, 400))
        hour = at.hour + at.minute / 60
        level = 3.7 + 1.1 * math.sin(2 * math.pi * (hour - 10.5) / 24) - (0.9 if at.weekday() > 4 else 0)
        burst = dice.gammavariate(2, 6) if dice.random() < 0.002 else 0
        actual = max(0.0, round(level + dice.gauss(0, 0.55) + burst))
        predicted = 2.2 + 0.12 * hour + (0.4 if at.weekday() < 5 else 0)
        ts = at.isoformat(timespec="milliseconds") + zone
        found.append({"row": row, "ts": ts, "prediction": predicted, "actual": float(actual)})
    return found


def job(detail: dict[str, Any]) -> dict[str, Any]:
    """The job of a drop as `GET jobs/{job}` tells it."""
    name = detail["transform_job"]
    return {
        "job": name, "state": "DONE", "reason": None, "model_group": "cpu-load", "model_version": 3,
        "model_package_arn": PACKAGE, "planned_at": "2024-07-01T06:07:00.120Z",
        "started_at": "2024-07-01T06:07:01.500Z", "finished_at": "2024-07-01T06:12:10.000Z",
        "outcome": "Completed", "failure_reason": None, "outputs": 1, "scored_date": "2024-07-01",
        "drops": [detail["drop_id"]],
        "links": {"self": f"jobs/{name}", "drops": [f"drops/{detail['drop_id']}"]},
    }  # fmt: skip
