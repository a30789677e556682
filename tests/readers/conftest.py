"""Results made by the real code, as a folder; results of all kinds in the deployed stack."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from dropscore.domain.drop import Drop
from local.demo.model import install_sample_model
from tests.flow.flow import Flow, parquet
from tests.simulation.world import World
from tests.simulation.world import parquet as readings

INDIAN_TIMES = [0, None, 60_000_000, 120_000_000]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Results of two model versions on two days: with keys and without, with actuals and without, empty."""
    world = World(monkeypatch)
    world.approve(1)
    world.put("data/company_id=1/sensor_id=422/a.parquet", readings(5))
    world.put("plain.parquet", parquet(3))  # it has no `load`, which is the target here
    world.put("empty/company_id=2/a.parquet", readings(0))
    world.run()
    world.now += timedelta(days=1)
    world.approve(2)
    world.put("data/company_id=1/sensor_id=422/b.parquet", readings(4))
    ts = pa.array(INDIAN_TIMES, pa.timestamp("us", "Asia/Kolkata"))
    world.put("data/company_id=3/zoned.parquet", readings(4, ts=ts))
    world.run()
    return world


@pytest.fixture
def bucket_folder(world: World, tmp_path: Path) -> Path:
    """What the world's results bucket holds, downloaded into a folder."""
    for key, (body, _) in world.results.objects.items():
        target = tmp_path / key
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(body)
    return tmp_path


@pytest.fixture(scope="session")
def scored(deployed: Flow) -> list[Drop]:
    """Results by two model versions: with keys and without, with actuals and without, zoned and empty."""
    flow, first = deployed, deployed.model.version.number
    ids = [
        flow.put("data/company_id=1/sensor_id=422/a.parquet", parquet(5)),
        flow.put("plain.parquet", parquet(3, snmpcpu_processor_1=None)),
        flow.put("empty/company_id=2/a.parquet", parquet(0)),
    ]
    flow.wait(*ids)
    flow.model = install_sample_model(flow.stack)
    second = flow.model.version.number
    ts = pa.array(INDIAN_TIMES, pa.timestamp("us", "Asia/Kolkata"))
    ids += [
        flow.put("data/company_id=1/sensor_id=422/b.parquet", parquet(4)),
        flow.put("data/company_id=3/zoned.parquet", parquet(4, ts=ts)),
    ]
    drops = flow.wait(*ids)
    assert [(drop.state, drop.model.version) for drop in drops if drop.model] == [
        ("SCORED", version) for version in (first, first, first, second, second)
    ]
    return drops
