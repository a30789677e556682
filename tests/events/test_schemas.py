"""What is told on EventBridge is what docs/schemas says, for each way that a drop may end."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest

from dropscore.aws.events import SOURCE
from tests.events.schemas import EVENTS, KINDS, delivered, faults, fenced, schema_of
from tests.simulation.world import World, parquet, transform_event

Put = Callable[[World], str]


def plain(world: World) -> str:
    return world.put("data/company_id=1/a.parquet", parquet(4))


def without_rows(world: World) -> str:
    return world.put("a.PARQUET", parquet(0))


def with_rejected_rows(world: World) -> str:
    return world.put("a b/ü.parquet", parquet(4, ts=pa.array([0, None, 1, 2], pa.timestamp("ms"))))


def no_parquet(world: World) -> str:
    return world.put("a.parquet", b"?")


def too_many_rejected(world: World) -> str:
    return world.put("a.parquet", parquet(4, ts=pa.array([0, None, None, None], pa.timestamp("ms"))))


def predictions_not_finite(world: World) -> str:
    drop_id = world.put("a.parquet", parquet(4))
    world.deliver_inbox()
    (job,) = world.finish_jobs(tell=False)
    (output,) = [name for name in world.adapters.work.objects if name.endswith(".out")]
    world.adapters.work.put(output, b"0,1.5\n1,nan\n2,nan\n3,inf\n", "text/csv")
    world.queues.collect.append(json.dumps(transform_event(job)))
    return drop_id


def poison(world: World) -> str:
    world.put("good.parquet", parquet(2))
    drop_id = world.put("a.parquet", parquet(4, ts=pa.array([0, None, 1, 2], pa.timestamp("ms"))))
    world.sagemaker.poison = {drop_id: 99}
    return drop_id


ENDS: dict[Put, str] = {
    plain: "Drop Scored",
    without_rows: "Drop Scored",
    with_rejected_rows: "Drop Scored",
    no_parquet: "Drop Rejected",
    too_many_rejected: "Drop Rejected",
    predictions_not_finite: "Drop Rejected",
    poison: "Drop Failed",
}


def told_of(world: World, put: Put) -> dict[str, Any]:
    """The one event about a drop, once everything has come to rest."""
    world.approve()
    drop_id = put(world)
    for _ in range(8):
        world.run(rounds=100)
        world.now += timedelta(minutes=1)
        world.sweep()
    (event,) = [delivered(kind, detail) for kind, detail in world.events.told if detail["drop_id"] == drop_id]
    return event


@pytest.mark.parametrize("put", ENDS, ids=lambda put: put.__name__)
def test_what_is_told_of_a_drop_is_what_the_schema_says(world: World, put: Put) -> None:
    event = told_of(world, put)

    assert event["detail-type"] == ENDS[put]
    assert faults(event) == []
    for other in set(KINDS) - {ENDS[put]}:
        assert faults(event, other)


def test_every_kind_of_event_is_held_against_its_schema() -> None:
    assert set(ENDS.values()) == set(KINDS)
    assert {schema_of(kind)["properties"]["source"]["const"] for kind in KINDS} == {SOURCE}


@pytest.mark.parametrize("put", [plain, no_parquet, poison], ids=lambda put: put.__name__)
def test_a_field_more_or_less_is_refused(world: World, put: Put) -> None:
    event = told_of(world, put)
    detail = event["detail"]

    for name in detail:
        less = {**event, "detail": {key: value for key, value in detail.items() if key != name}}
        assert faults(less) == [f"$.detail: {name!r} is a required property"]
    assert faults({**event, "detail": {**detail, "more": 1}})


@pytest.mark.parametrize("put", [plain, no_parquet, poison], ids=lambda put: put.__name__)
def test_a_field_of_another_type_is_refused(world: World, put: Put) -> None:
    event = told_of(world, put)

    for name in event["detail"]:
        assert faults({**event, "detail": {**event["detail"], name: [1.5]}}), name


def test_what_eventbridge_adds_to_a_replayed_event_is_let_pass(world: World) -> None:
    assert faults({**told_of(world, plain), "replay-name": "yesterday"}) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("drop_id", "../../etc"),
        ("reason", "scored, but"),
        ("rows_in", -1),
        ("model_version", None),
        ("result_uri", None),
        ("result_uri", "s3://results/predictions/a.parquet"),
        ("transform_job", "-a-"),
    ],
)
def test_a_scored_drop_that_lacks_its_result_or_model_is_refused(
    world: World, field: str, value: object
) -> None:
    event = told_of(world, plain)

    assert faults({**event, "detail": {**event["detail"], field: value}})


def test_the_manual_s_event_is_what_the_schema_says() -> None:
    event, *patterns = map(json.loads, fenced("json"))

    assert faults(event) == []
    assert len(patterns) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_the_manual_knows_every_kind_and_its_schema(kind: str) -> None:
    name = kind.lower().replace(" ", "-")
    assert f"| `{kind}` |" in EVENTS.read_text()
    assert f"[{name}](schemas/{name}.schema.json)" in EVENTS.read_text()
