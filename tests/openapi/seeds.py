"""Drops of every kind in a running stack, so that generated requests find something to answer about."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dropscore.domain.drop import Drop
from local.demo.model import Wish, choose_training_data, install, install_sample_model, train_model
from local.stack import LocalStack
from tests.flow.flow import Flow, parquet

PARAMETERS = {
    "JobWindowSeconds": "0",
    "BatchWindowSeconds": "1",
    "SweepSchedule": "rate(1 day)",
    "ApiRateLimit": "10000",
    "ApiBurstLimit": "5000",
    "ApiAnonymousLimit": "5000",
}
"""Of the stack: short windows, no sweep that would move what is stuck, no throttling."""

FOLDER = "data/company_id=1/sensor_id=422"
LONG = 70_000
"""Rows of the largest result: two row groups."""


@dataclass(frozen=True)
class Seeds:
    """What has been put into the stack."""

    flow: Flow
    drops: tuple[Drop, ...]

    @property
    def ids(self) -> list[str]:
        return [drop.drop_id for drop in self.drops]

    @property
    def jobs(self) -> list[str]:
        return sorted(self.flow.jobs(self.drops))


def fill(stack: LocalStack) -> Seeds:
    """Scored, rejected, failed, waiting, in a job that cannot start; by two models, one without timestamps.

    The stack's sweep must be slow (`PARAMETERS`), or those that are stuck would go on.
    """
    flow = Flow(stack, install_sample_model(stack))
    ids = _scored_and_rejected(flow)
    ids.append(_failed(flow))
    _approve(flow, flow.model.version.arn, "Rejected")
    ids.append(flow.put("waits/a.parquet", parquet(2)))
    flow.wait_until(ids[-1:], {"WAITING"})
    _model_without_timestamps(stack)
    ids.append(flow.put("plain/no-timestamps.parquet", _temperatures()))
    flow.wait(ids[-1])
    ids.append(_in_a_job_that_cannot_start(flow))
    return Seeds(flow, tuple(drop for drop in flow.found(ids) if drop))


def _approve(flow: Flow, arn: str, status: str) -> None:
    flow.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus=status)


def _scored_and_rejected(flow: Flow) -> list[str]:
    zoned = pa.array([0, None, 60_000_000, 120_000_000], pa.timestamp("us", "Asia/Kolkata"))
    bodies = {
        f"{FOLDER}/long.parquet": parquet(LONG),
        f"{FOLDER}/some.parquet": parquet(500),
        "company_id=2/ü%2F b+c.PARQUET": parquet(3),
        "plain/no-actuals.parquet": parquet(9, snmpcpu_processor_1=None),
        "plain/zoned.parquet": parquet(4, ts=zoned),
        "plain/empty.parquet": parquet(0),
        "bad/garbage.parquet": b"?",
        "bad/none-left.parquet": parquet(3, ts=pa.nulls(3, pa.timestamp("ms"))),
    }
    versions = [flow.put("plain/again.parquet", parquet(rows)) for rows in (1, 2, 3)]
    ids = [*versions, *(flow.put(key, body) for key, body in bodies.items())]
    states = [drop.state for drop in flow.wait(*ids)]
    assert states == ["SCORED"] * 9 + ["REJECTED"] * 2, states
    return ids


def _failed(flow: Flow) -> str:
    flow.stack.change_faults(fail_jobs=2, failure_reason="AlgorithmError: See job logs")
    drop_id = flow.put("bad/poison.parquet", parquet(5))
    (drop,) = flow.wait(drop_id)
    assert drop.state == "FAILED", drop
    flow.stack.reset_faults()
    return drop_id


def _in_a_job_that_cannot_start(flow: Flow) -> str:
    flow.stack.change_faults(instance_quota=0)
    drop_id = flow.put("held/a.parquet", _temperatures())
    flow.wait_until([drop_id], {"SCORING"})
    return drop_id


def _temperatures() -> bytes:
    sink = pa.BufferOutputStream()
    rows = {"temperature": [float(n % 9) for n in range(60)], "load": [n % 9 / 2 for n in range(60)]}
    pq.write_table(pa.table({**rows, "device_id": [1] * 60}), sink)
    return sink.getvalue().to_pybytes()


def _model_without_timestamps(stack: LocalStack) -> None:
    """Train, register and approve a model over plain columns."""
    with tempfile.TemporaryDirectory(prefix="dropscore-seeds-") as folder:
        file = Path(folder) / "temperatures.parquet"
        file.write_bytes(_temperatures())
        choice = choose_training_data([file], Wish(("temperature",), "load"), file)
        install(stack, train_model(choice, Path(folder) / "model"), choice)
