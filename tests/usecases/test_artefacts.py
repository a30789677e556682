"""Model artefacts: loading one runs its code, so only the one that was registered is ever loaded."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from dropscore.artefacts import AT_ONCE
from dropscore.dispatch import HELD_PAUSE
from tests.simulation.world import GROUP, World, parquet


def artefact_key(version: int) -> str:
    return f"{GROUP}/{version}/model.tar.gz"


def exchange(world: World, version: int = 1, body: bytes = b"another model") -> None:
    """Somebody puts another artefact in the place of the one that was registered."""
    world.adapters.models.put(artefact_key(version), body, "application/gzip")


def held(world: World, arn: str) -> Any:
    return world.table.get(f"version#{arn}").get("held")


@pytest.mark.parametrize(
    ("metadata", "url", "reason"),
    [
        ({"model_data_sha256": None}, f"s3://models-bucket/{artefact_key(2)}", "names no model artefact"),
        ({}, "", "names no model artefact"),
        ({}, "s3://elsewhere/model.tar.gz", "lies in bucket elsewhere, expected models-bucket"),
        ({}, "https://elsewhere/model.tar.gz", "is not an s3:// address"),
    ],
)
def test_a_version_whose_artefact_cannot_be_checked_makes_drops_wait(
    world: World, metadata: dict[str, Any], url: str, reason: str
) -> None:
    world.approve(1)
    world.sagemaker.packages.append(replace(world.approve(2, **metadata), model_data_url=url, version=3))
    drop_id = world.put("a.parquet", parquet(3))

    world.run()

    assert world.states(drop_id) == ["WAITING"]
    assert reason in str(world.drop(drop_id).reason)
    assert world.sagemaker.models == {}


def calls_for_the_operator(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if getattr(record, "operator_needed", False)]


def test_an_exchanged_artefact_holds_the_version_before_sagemaker_has_a_model_of_it(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    package = world.approve()
    exchange(world)
    drop_id = world.put("a.parquet", parquet(3))

    world.run()
    world.sweep()

    assert world.states(drop_id) == ["PREPARED"]
    assert (world.sagemaker.models, world.sagemaker.jobs) == ({}, {})
    assert "is not the one that was registered" in held(world, package.arn)
    assert calls_for_the_operator(caplog) == ["model version held: release or reject it"]
    world.now += HELD_PAUSE
    world.sweep()
    assert len(calls_for_the_operator(caplog)) == 2, "an alarm would end while drops are held"


def test_an_artefact_that_is_gone_holds_the_version(world: World) -> None:
    package = world.approve()
    del world.adapters.models.objects[artefact_key(1)]
    drop_id = world.put("a.parquet", parquet(3))

    world.run()

    assert world.states(drop_id) == ["PREPARED"]
    assert "is gone" in held(world, package.arn)


def test_a_release_looks_at_the_artefact_again(world: World) -> None:
    # GIVEN a version held because of its artefact, and released while that is still another one
    package = world.approve()
    exchange(world)
    drop_id = world.put("a.parquet", parquet(3))
    world.run()
    release(world, package.arn)
    world.sweep()
    assert (world.states(drop_id), world.sagemaker.models) == (["PREPARED"], {})
    assert held(world, package.arn)

    # WHEN the artefact is put right and the version released again
    exchange(world, body=b"a model")
    release(world, package.arn)
    world.sweep()
    world.run()

    # THEN it scores
    assert world.states(drop_id) == ["SCORED"]


def test_a_job_that_was_planned_gets_no_model_of_an_exchanged_artefact(world: World) -> None:
    # GIVEN a planned job whose model somebody has deleted, and an artefact that was exchanged since
    package = world.approve()
    first = world.put("a.parquet", parquet(3))
    world.run()
    world.sagemaker.models.clear()
    second = world.put("b.parquet", parquet(3))
    world.deliver_inbox()
    exchange(world)

    # WHEN the model would be made again
    world.sweep()

    # THEN the job stays planned, and says why
    assert (world.states(first), world.sagemaker.models) == (["SCORED"], {})
    job = world.table.get(f"job#{world.drop(second).job}")
    assert job["state"] == "PLANNED"
    assert "is not the one that was registered" in job["reason"]
    assert held(world, package.arn)


def test_an_artefact_is_looked_at_once_a_version(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []
    open_object = world.adapters.models.open
    monkeypatch.setattr(world.adapters.models, "open", lambda key: looked.append(key) or open_object(key))
    world.approve()

    for number in range(3):
        world.put(f"{number}.parquet", parquet(1))
        world.run()

    assert len(world.sagemaker.jobs) == 3
    assert looked == [artefact_key(1)]


def test_a_large_artefact_is_never_in_memory_whole(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    body = bytes(2 * AT_ONCE + 5)
    world.approve(model_data_sha256=sha256(body).hexdigest())
    exchange(world, body=body)
    open_object = world.adapters.models.open

    def watched(key: str) -> Any:
        file = open_object(key)
        read = file.read
        monkeypatch.setattr(file, "read", lambda size: sizes.append(len(data := read(size))) or data)
        return file

    monkeypatch.setattr(world.adapters.models, "open", watched)
    drop_id = world.put("a.parquet", parquet(1))
    world.run()

    assert world.states(drop_id) == ["SCORED"]
    assert max(sizes) == AT_ONCE


def release(world: World, arn: str) -> None:
    """The operator releases a version; its drops are looked at again after a while."""
    app = world.application
    app.sweep(app.deadline(300_000)).release(arn)
    world.now += timedelta(hours=1)
