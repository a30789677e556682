"""Collect: what becomes of a job that has ended, and of the drops it left unscored."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pyarrow as pa
import pytest
from botocore.exceptions import ClientError

from dropscore.aws.ledger import Jobs
from dropscore.domain.drop import Drop
from dropscore.domain.errors import ReaderDied
from dropscore.domain.job import Job
from dropscore.files.isolation import Defect
from dropscore.files.work import FileWork
from tests.simulation.reader import Died
from tests.simulation.world import World, parquet, transform_event


def put_many(world: World, count: int) -> list[str]:
    return [world.put(f"{number:04d}.parquet", parquet(4)) for number in range(count)]


def settle(world: World, sweeps: int = 15) -> None:
    for _ in range(sweeps):
        world.run(rounds=200)
        world.now += timedelta(minutes=1)
        world.sweep()
    world.run(rounds=200)


def job_state(world: World, name: str) -> str:
    item = world.table.get(f"job#{name}")
    assert item is not None
    return item["state"]


def test_an_event_that_comes_twice_changes_nothing(world: World) -> None:
    world.approve()
    drops = put_many(world, 3)
    world.run()
    (job,) = world.sagemaker.jobs

    world.queues.collect += [json.dumps(transform_event(job))] * 2
    world.run()

    assert job_state(world, job) == "DONE"
    assert [len(world.results_of(drop_id)) for drop_id in drops] == [1, 1, 1]
    assert len(world.events.told) == 3


def test_drops_are_handed_out_in_messages_of_25(world: World) -> None:
    world.approve()
    put_many(world, 60)
    world.deliver_inbox()
    world.finish_jobs()

    world.deliver_collect()

    assert [len(json.loads(body)["drops"]) for body in world.queues.collect] == [25, 25, 10]


def test_outputs_that_a_message_does_not_name_are_listed_once_a_part(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GIVEN a job whose drops have more outputs than messages name
    monkeypatch.setattr("dropscore.domain.messages.MAX_NAMES_BYTES", 2)
    world.approve()
    drops = put_many(world, 30)
    world.deliver_inbox()
    world.finish_jobs()
    names = world.adapters.work.names
    listed: list[str] = []
    monkeypatch.setattr(world.adapters.work, "names", lambda prefix: listed.append(prefix) or names(prefix))

    # WHEN it is collected
    world.deliver_collect()
    bodies = [json.loads(body)["drops"] for body in world.queues.collect]
    world.run()

    # THEN each part has listed them
    assert [set(body.values()) for body in bodies] == [{None}, {None}]
    assert set(world.states(*drops)) == {"SCORED"}
    assert len(listed) == 3


def test_what_is_left_of_a_part_whose_outputs_were_listed_goes_on_in_a_new_message(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dropscore.domain.messages.MAX_NAMES_BYTES", 2)
    world.approve()
    drops = put_many(world, 3)
    world.deliver_inbox()
    world.finish_jobs()
    world.deliver_collect()
    monkeypatch.setattr(world.adapters.work, "open", world.taking(242, world.adapters.work.open))

    world.deliver_collect()

    assert [[*json.loads(body)["drops"].values()] for body in world.queues.collect] == [[None, None]]
    world.run()
    assert set(world.states(*drops)) == {"SCORED"}


def test_parts_under_way_are_not_sent_again_when_the_end_is_told_again(world: World) -> None:
    world.approve()
    put_many(world, 2)
    world.deliver_inbox()
    (job,) = world.finish_jobs()
    world.deliver_collect()
    world.queues.collect.clear()

    world.queues.collect.append(json.dumps(transform_event(job)))
    world.deliver_collect()

    assert list(world.queues.collect) == []


def test_a_part_that_is_done_is_not_sent_again_with_the_others(world: World) -> None:
    # GIVEN a job of two parts, of which one is done and the other's message is lost
    world.approve()
    put_many(world, 30)
    world.deliver_inbox()
    (job,) = world.finish_jobs()
    world.deliver_collect()
    world.deliver_collect()
    world.queues.collect.clear()

    # WHEN its end is told again, long after
    world.now += timedelta(minutes=10)
    world.queues.collect.append(json.dumps(transform_event(job)))
    world.deliver_collect()

    assert [json.loads(body)["part"] for body in world.queues.collect] == [1]


def test_a_part_leaves_a_drop_alone_that_another_job_scores_by_now(world: World, monkeypatch) -> None:
    # GIVEN a drop that its first job left unscored; who closed that job was killed before the last write
    world.approve()
    (drop_id,) = put_many(world, 1)
    world.files.unjoinable = {drop_id}
    world.deliver_inbox()
    world.finish_jobs()
    world.deliver_collect()
    (part,) = world.queues.collect
    with monkeypatch.context() as killed:
        killed.setattr(Jobs, "close", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            world.deliver_collect()
    world.files.unjoinable = set()
    world.sweep()
    first, second = world.sagemaker.jobs

    # WHEN the first job's part comes again while the second one runs
    world.queues.collect.clear()
    world.queues.collect.append(part)
    world.deliver_collect()

    # THEN the first one is closed, and the drop is still the second one's
    assert job_state(world, first) != "STARTED"
    assert world.states(drop_id) == ["SCORING"]
    settle(world, sweeps=2)
    assert (world.drop(drop_id).job, [*world.sagemaker.jobs]) == (second, [first, second])


def test_a_part_that_comes_twice_is_done_once(world: World) -> None:
    world.approve()
    drops = put_many(world, 30)
    world.deliver_inbox()
    (job,) = world.finish_jobs()
    world.deliver_collect()
    world.queues.collect.append(world.queues.collect[0])

    world.run()

    assert set(world.states(*drops)) == {"SCORED"}
    assert job_state(world, job) == "DONE"
    assert len(world.events.told) == 30


def test_an_event_for_an_unknown_job_goes_back_to_the_queue(world: World) -> None:
    world.queues.collect.append(json.dumps(transform_event("dropscore-stranger")))

    answer = world.deliver_collect()

    assert answer == {"batchItemFailures": [{"itemIdentifier": "0"}]}


def test_a_job_that_dispatch_records_at_the_same_moment_is_collected_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.approve()
    drop_id = put_many(world, 1)[0]
    started: list[tuple] = []

    def not_said_yet(_: Jobs, *arguments: object) -> object:
        started.append(arguments)
        return arguments[0]

    with monkeypatch.context() as slow:  # SageMaker has the job, but the ledger does not know it yet
        slow.setattr(Jobs, "start", not_said_yet)
        world.deliver_inbox()
    world.finish_jobs()
    claim = Jobs.claim

    def claim_while_dispatch_records(self: Jobs, job: Job, now: datetime) -> list[Drop]:
        claimed = claim(self, job, now)
        if started:
            self.start(*started.pop())
        return claimed

    monkeypatch.setattr(Jobs, "claim", claim_while_dispatch_records)
    answer = world.deliver_collect()
    world.run()

    assert answer == {"batchItemFailures": []}
    assert world.states(drop_id) == ["SCORED"]


def test_an_event_before_the_end_is_acknowledged(world: World) -> None:
    world.approve()
    put_many(world, 1)
    world.deliver_inbox()
    (job,) = world.sagemaker.jobs
    world.queues.collect.append(json.dumps(transform_event(job, "InProgress")))

    answer = world.deliver_collect()

    assert answer == {"batchItemFailures": []}
    assert job_state(world, job) == "STARTED"


def test_a_drop_that_somebody_took_out_of_the_ledger_does_not_circle(world: World) -> None:
    world.approve()
    gone, left = put_many(world, 2)
    world.deliver_inbox()
    (job,) = world.finish_jobs()
    del world.table.items[f"drop#{gone}"]

    world.run()

    assert world.states(left) == ["SCORED"]
    assert job_state(world, job) == "DONE"


def test_work_that_does_not_fit_the_time_left_goes_on_in_a_new_message(world: World, monkeypatch) -> None:
    world.approve()
    drops = put_many(world, 3)
    world.deliver_inbox()
    world.finish_jobs()
    world.deliver_collect()
    monkeypatch.setattr(world.adapters.work, "open", world.taking(242, world.adapters.work.open))

    world.deliver_collect()

    assert [len(json.loads(body)["drops"]) for body in world.queues.collect] == [2]
    assert sorted(world.states(*drops)) == ["SCORED", "SCORING", "SCORING"]
    world.run()
    assert set(world.states(*drops)) == {"SCORED"}


def test_a_job_that_comes_back_incomplete_scores_what_is_whole_and_retries_the_rest(world: World) -> None:
    world.approve()
    drops = put_many(world, 4)
    world.sagemaker.short = {drops[1]: 1}

    settle(world)

    assert set(world.states(*drops)) == {"SCORED"}
    assert len(world.sagemaker.jobs) == 2
    assert world.result(drops[1])["row"].to_pylist() == [0, 1, 2, 3]


def test_a_poison_drop_is_found_by_halving_and_fails_alone(world: World) -> None:
    world.approve()
    drops = put_many(world, 8)
    world.sagemaker.poison = {drops[3]: 99}

    settle(world)

    poison = world.drop(drops[3])
    assert poison.state == "FAILED"
    assert "AlgorithmError: See job logs" in str(poison.reason)
    assert {world.drop(d).state for d in drops if d != drops[3]} == {"SCORED"}
    assert len(world.sagemaker.jobs) <= 6
    assert [d["drop_id"] for kind, d in world.events.told if kind == "Drop Failed"] == [drops[3]]


def test_a_broken_version_is_held_after_two_jobs(world: World) -> None:
    world.approve()
    world.sagemaker.broken = {1}
    drops = put_many(world, 5)

    settle(world)

    assert set(world.states(*drops)) == {"PREPARED"}
    assert len(world.sagemaker.jobs) == 2
    assert "AlgorithmError" in str(world.drop(drops[0]).reason)


def test_files_on_which_a_model_fails_do_not_hold_a_version_that_has_scored_others(world: World) -> None:
    world.approve()
    put_many(world, 1)
    settle(world)
    bad = [world.put(f"bad-{number}.parquet", parquet(4)) for number in range(2)]
    world.sagemaker.poison = dict.fromkeys(bad, 99)
    world.run()
    later = world.put("later.parquet", parquet(4))
    settle(world)

    assert world.states(later, *bad) == ["SCORED", "FAILED", "FAILED"]


def test_files_that_fail_one_by_one_do_not_hold_a_version_that_has_scored_others(world: World) -> None:
    world.approve()
    put_many(world, 1)
    settle(world)
    bad = []
    for number in range(2):
        bad.append(world.put(f"bad-{number}.parquet", parquet(4)))
        world.sagemaker.poison = dict.fromkeys(bad, 99)
        settle(world, sweeps=4)
    later = world.put("later.parquet", parquet(4))
    settle(world)

    assert world.states(later, *bad) == ["SCORED", "FAILED", "FAILED"]


def test_a_version_that_has_scored_others_is_held_once_two_groups_in_a_row_fail(world: World) -> None:
    """As when the job's role has lost its rights: not every file becomes a job of its own."""
    world.approve()
    put_many(world, 1)
    settle(world)
    world.sagemaker.broken = {1}
    before = len(world.sagemaker.jobs)
    world.set_brakes(max_drops=20)
    for number in range(40):
        world.put(f"{number}/new.parquet", parquet(4))
    settle(world)

    assert "held" in world.table.get(f"version#{world.sagemaker.packages[0].arn}")
    assert len(world.sagemaker.jobs) - before < 10


def test_drops_of_a_held_version_go_on_with_the_next(world: World) -> None:
    world.approve(1)
    world.sagemaker.broken = {1}
    drops = put_many(world, 5)
    settle(world)

    world.approve(2)
    world.reject_version(1)
    settle(world)

    assert set(world.states(*drops)) == {"SCORED"}
    assert len(world.sagemaker.jobs) == 3


def test_the_operator_releases_a_held_version(world: World) -> None:
    world.approve(1)
    world.sagemaker.broken = {1}
    drops = put_many(world, 5)
    settle(world)
    world.sagemaker.broken = set()
    app = world.application
    sweep = app.sweep(app.deadline(300_000))

    assert sweep.release(world.sagemaker.packages[0].arn) == "scores again"
    assert sweep.release(world.sagemaker.packages[0].arn) == "left alone: it is not held"
    settle(world)

    assert set(world.states(*drops)) == {"SCORED"}


def test_one_bad_job_does_not_hold_a_version(world: World) -> None:
    world.approve(1)
    world.sagemaker.broken = {1}
    drops = put_many(world, 5)
    world.deliver_inbox()
    world.finish_jobs()
    world.sagemaker.broken = set()

    settle(world)

    assert set(world.states(*drops)) == {"SCORED"}
    assert len(world.sagemaker.jobs) == 2


def test_a_lone_poison_drop_does_not_hold_a_version_that_has_scored(world: World) -> None:
    world.approve(1)
    world.put("good.parquet", parquet(2))
    settle(world, sweeps=1)
    poison = world.put("poison.parquet", parquet(2))
    world.sagemaker.poison = {poison: 99}
    settle(world, sweeps=4)
    other = world.put("other.parquet", parquet(2))

    settle(world, sweeps=1)

    assert world.states(poison, other) == ["FAILED", "SCORED"]


def test_a_prediction_that_is_not_finite_rejects_its_row(world: World) -> None:
    world.approve()
    drop_id = put_many(world, 1)[0]
    world.deliver_inbox()
    (job,) = world.finish_jobs()
    world.adapters.work.put(
        f"transform/{job}/{drop_id}-1-00000.csv.out", b"0,1.0\n1,nan\n2,3.0\n3,-inf\n", "text/csv"
    )
    del world.adapters.work.objects[f"transform/{job}/{drop_id}/1/{drop_id}-1-00000.csv.out"]

    world.run()

    drop = world.drop(drop_id)
    assert (drop.state, drop.rows_scored, drop.rows_rejected) == ("SCORED", 2, 2)
    assert [(r["row"], r["reason"]) for r in world.rejects(drop_id)] == [
        (1, "prediction is not finite"),
        (3, "prediction is not finite"),
    ]


def test_a_drop_most_of_whose_predictions_are_not_finite_is_rejected_with_no_row_scored(world: World) -> None:
    world.approve()
    drop_id = put_many(world, 1)[0]
    world.deliver_inbox()
    (job,) = world.finish_jobs()
    (output,) = [name for name in world.adapters.work.objects if name.endswith(".out")]
    world.adapters.work.put(output, b"0,nan\n1,nan\n2,nan\n3,1.0\n", "text/csv")

    world.run()

    drop = world.drop(drop_id)
    assert (drop.state, drop.job, drop.rows_in, drop.rows_scored, drop.rows_rejected) == (
        "REJECTED",
        job,
        4,
        0,
        4,
    )
    assert len(world.rejects(drop_id)) == 3
    assert world.metrics.sums["RowsScored"] == 0


def test_the_ledger_says_how_far_predictions_are_from_the_actuals_and_what_code_scored(world: World) -> None:
    world.approve()
    drop_id = put_many(world, 1)[0]
    world.run()

    drop = world.drop(drop_id)
    errors = vars(drop.errors)  # predictions are 0, 0.5, 1 and 1.5, the actuals 0, 1, 2 and 3
    assert errors == pytest.approx(
        {
            "rows": 4,
            "mean_absolute": 0.75,
            "median_absolute": 0.5,
            "p95_absolute": 1.5,
            "root_mean_square": 0.875**0.5,
        },
        rel=0.002,
    )
    assert drop.code_version == "1.2.3"
    assert [step.state for step in drop.history] == ["PREPARING", "PREPARED", "SCORING", "SCORED"]


def test_a_drop_without_the_target_has_no_errors(world: World) -> None:
    world.approve()
    drop_id = world.put("a.parquet", parquet(3, load=pa.nulls(3, pa.float64())))
    world.run()
    assert (world.drop(drop_id).state, world.drop(drop_id).errors) == ("SCORED", None)


def test_a_job_says_when_it_was_closed(world: World) -> None:
    world.approve()
    put_many(world, 1)
    world.deliver_inbox()
    (name,) = world.sagemaker.jobs
    jobs = Jobs(world.table, world.index, world.drops)
    assert jobs.get(name).finished_at is None
    world.run()
    assert jobs.get(name).finished_at == world.now


def put_but_not_committed(world: World, monkeypatch: pytest.MonkeyPatch) -> str:
    """A drop whose result is there, and whose commit was cut off."""
    world.approve()
    drop_id = put_many(world, 1)[0]
    world.deliver_inbox()
    world.finish_jobs()
    world.deliver_collect()
    with monkeypatch.context() as crash:
        crash.setattr("dropscore.aws.ledger.Drops.score", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            world.deliver_collect()
    return drop_id


def test_a_result_of_an_earlier_release_is_committed_as_that_release_s(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GIVEN a result that was put, but not committed, by the release before
    drop_id = put_but_not_committed(world, monkeypatch)

    # WHEN this one goes on
    world.settings = replace(world.settings, code_version="2.0.0")
    world.run()

    # THEN the ledger says what the object says
    assert world.states(drop_id) == ["SCORED"]
    assert world.drop(drop_id).code_version == "1.2.3"
    assert world.drop(drop_id).errors.rows == 4


def test_a_result_that_an_earlier_try_wrote_is_verified_and_committed(world: World, monkeypatch) -> None:
    drop_id = put_but_not_committed(world, monkeypatch)
    assert len(world.results_of(drop_id)) == 1

    world.run()

    assert world.states(drop_id) == ["SCORED"]
    assert len(world.results_of(drop_id)) == 1


def test_an_object_of_somebody_else_in_the_place_of_a_result_is_left_alone(world: World) -> None:
    world.approve()
    first, second = put_many(world, 2)
    key = f"predictions/model_group=cpu/model_version=1/scored_date=2026-03-01/{first}.parquet"
    world.results.put(key, b"?", "text/plain")

    settle(world, sweeps=4)

    assert world.states(first, second) == ["FAILED", "SCORED"]
    assert "is another result" in str(world.drop(first).reason)
    assert world.results.read(key) == b"?"


def test_a_drop_whose_context_has_expired_fails_and_does_not_circle(world: World) -> None:
    world.approve()
    drop_id = put_many(world, 1)[0]
    world.deliver_inbox()
    del world.adapters.work.objects[f"context/{drop_id}/1/rows.parquet"]

    settle(world, sweeps=4)

    assert world.states(drop_id) == ["FAILED"]
    assert "no longer exists" in str(world.drop(drop_id).reason)


def test_a_result_that_a_reader_left_behind_is_committed_and_not_made_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GIVEN a reader that is gone each time once it has written the result
    world.approve()
    bad = pa.array([None, 0, 60_000, 120_000], pa.timestamp("ms"))
    drop_id = world.put("a.parquet", parquet(4, ts=bad))
    world.deliver_inbox()
    world.finish_jobs()
    join = FileWork.join

    def join_and_die(*arguments: object) -> None:
        join(*arguments)
        raise Died

    # WHEN its job is collected, and days go by
    with monkeypatch.context() as dying:
        dying.setattr(FileWork, "join", join_and_die)
        world.run()
    world.now += timedelta(days=1)
    settle(world, sweeps=2)

    # THEN the one result is the drop's
    drop = world.drop(drop_id)
    assert (drop.state, drop.rows_in, drop.rows_scored, drop.rows_rejected) == ("SCORED", 4, 3, 1)
    (name,) = world.results_of(drop_id)
    assert drop.result_uri == world.results.uri(f"predictions/{name}")
    assert [row["row"] for row in world.rejects(drop_id)] == [0]
    assert len(world.sagemaker.jobs) == 1
    assert (drop.errors.rows, drop.errors.mean_absolute) == (3, 1.0)
    assert drop.code_version == "1.2.3"


def land_after_the_look(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first result is put by a reader that is killed, and lands just after it was looked for."""
    metadata = world.results.metadata

    def look_and_land(key: str) -> object:
        try:
            return metadata(key)
        finally:
            world.results.land()

    world.results.late = 1
    monkeypatch.setattr(world.results, "metadata", look_and_land)


@pytest.mark.parametrize("days", [0, 1, 5])
def test_a_put_that_lands_late_is_the_one_result_whenever_the_drop_is_scored_again(
    world: World, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    # GIVEN a job that has left a drop unscored, for its result was not there yet
    world.approve()
    drop_id = put_many(world, 1)[0]
    land_after_the_look(world, monkeypatch)
    world.deliver_inbox()
    (first,) = world.finish_jobs()
    world.deliver_collect()
    world.deliver_collect()
    assert (world.states(drop_id), len(world.results_of(drop_id))) == (["PREPARED"], 1)

    # WHEN another job scores it
    world.now += timedelta(days=days)
    settle(world, sweeps=2)

    # THEN the result that is there is the drop's, and the ledger says whose it is
    (name,) = world.results_of(drop_id)
    drop = world.drop(drop_id)
    assert (drop.state, drop.result_uri) == ("SCORED", world.results.uri(f"predictions/{name}"))
    assert (drop.job, len(world.sagemaker.jobs)) == (first, 2)


def test_a_put_that_lands_once_the_drop_is_scored_again_finds_the_result_there(world: World) -> None:
    world.approve()
    drop_id = put_many(world, 1)[0]
    world.results.late = 1
    world.deliver_inbox()
    world.finish_jobs()
    world.deliver_collect()
    world.deliver_collect()

    world.now += timedelta(days=1)
    settle(world, sweeps=2)
    world.results.land()

    (name,) = world.results_of(drop_id)
    assert world.states(drop_id) == ["SCORED"]
    assert "scored_date=2026-03-01" in name


def test_a_drop_that_fails_over_another_object_has_one_result_when_it_is_retried_another_day(
    world: World,
) -> None:
    # GIVEN a drop that is FAILED because another object has its result's place
    world.approve()
    drop_id = put_many(world, 1)[0]
    place = f"predictions/model_group=cpu/model_version=1/scored_date=2026-03-01/{drop_id}.parquet"
    world.results.put(place, b"?", "text/plain")
    settle(world, sweeps=4)
    assert world.states(drop_id) == ["FAILED"]

    # WHEN the operator retries it another day, before and after the object was moved away
    app = world.application
    states = []
    for moved in (False, True):
        world.now += timedelta(days=1)
        if moved:
            del world.results.objects[place]
        app.sweep(app.deadline(300_000)).retry([drop_id])
        settle(world, sweeps=4)
        states += world.states(drop_id)

    # THEN its result has that place
    assert states == ["FAILED", "SCORED"]
    assert [f"predictions/{name}" for name in world.results_of(drop_id)] == [place]


def test_a_job_without_any_output_fixes_no_date(world: World) -> None:
    """As of AWS's own failures, which may last for days."""
    world.approve()
    drop_id = put_many(world, 1)[0]
    world.sagemaker.no_capacity_until = world.now + timedelta(days=2)
    settle(world, sweeps=1)
    for _ in range(60):
        world.now += timedelta(hours=1)
        world.sweep()
        world.run()

    assert world.states(drop_id) == ["SCORED"]
    assert "scored_date=2026-03-03" in str(world.drop(drop_id).result_uri)


def test_another_model_version_has_a_result_under_a_date_of_its_own(world: World) -> None:
    world.approve(1)
    drop_id = put_many(world, 1)[0]
    world.results.late = 1
    world.set_brakes(window=timedelta(hours=1))
    world.deliver_inbox()
    world.now += timedelta(hours=2)
    world.sweep()
    world.finish_jobs()
    world.deliver_collect()
    world.deliver_collect()
    assert world.states(drop_id) == ["PREPARED"]

    world.approve(2)
    world.reject_version(1)
    world.now += timedelta(days=1)
    settle(world, sweeps=70)
    world.results.land()

    assert world.states(drop_id) == ["SCORED"]
    assert sorted(name.split("/")[1] + "/" + name.split("/")[2] for name in world.results_of(drop_id)) == [
        "model_version=1/scored_date=2026-03-01",
        "model_version=2/scored_date=2026-03-02",
    ]


def test_the_date_of_a_result_is_fixed_when_the_end_is_seen(world: World) -> None:
    world.approve()
    drop_id = put_many(world, 1)[0]
    world.deliver_inbox()
    world.finish_jobs()
    world.deliver_collect()

    world.now += timedelta(days=1)
    world.run()

    assert "scored_date=2026-03-01" in str(world.drop(drop_id).result_uri)


def test_the_date_of_a_result_is_not_that_of_the_day_its_job_was_planned(world: World) -> None:
    world.approve()
    drop_id = put_many(world, 1)[0]
    world.deliver_inbox()

    world.now += timedelta(days=1)
    world.run()

    assert "scored_date=2026-03-02" in str(world.drop(drop_id).result_uri)


def _interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def refuse_to_join(world: World, drop_id: str, error: Exception) -> None:
    join = world.files.join

    def refused(drop, *rest):
        if drop.drop_id == drop_id:
            raise error
        return join(drop, *rest)

    world.files.join = refused


def calls_for_the_operator(caplog: pytest.LogCaptureFixture) -> bool:
    return any(getattr(record, "operator_needed", False) for record in caplog.records)


def test_a_drop_over_whose_outputs_the_reader_dies_fails_and_the_others_are_scored(
    world: World,
) -> None:
    world.approve()
    drops = put_many(world, 3)
    refuse_to_join(world, drops[0], ReaderDied("the reader died 3 times over it (SIGSEGV)"))
    settle(world)

    assert world.states(*drops) == ["FAILED", "SCORED", "SCORED"]
    assert "the reader died 3 times over it (SIGSEGV)" in str(world.drop(drops[0]).reason)


def test_outputs_that_take_longer_than_what_is_left_go_into_a_new_message(world: World, monkeypatch) -> None:
    world.approve()
    drops = put_many(world, 2)
    world.deliver_inbox()
    world.finish_jobs()
    world.deliver_collect()
    monkeypatch.setattr(world.adapters.work, "open", world.taking(180, world.adapters.work.open))

    world.deliver_collect()

    assert sorted(world.states(*drops)) == ["SCORED", "SCORING"]
    assert [len(json.loads(body)["drops"]) for body in world.queues.collect] == [1]
    world.run()
    assert set(world.states(*drops)) == {"SCORED"}


@pytest.mark.parametrize("refused", [0, 1, 2], ids=["first", "second", "third"])
def test_a_drop_that_a_service_refuses_does_not_keep_the_others_of_its_part_from_their_results(
    world: World, refused: int, caplog: pytest.LogCaptureFixture
) -> None:
    world.approve()
    drops = put_many(world, 3)
    world.deliver_inbox()
    world.finish_jobs()
    world.deliver_collect()
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject")
    refuse_to_join(world, drops[refused], denied)

    answer = world.deliver_collect()

    assert len(answer["batchItemFailures"]) == 1, "the message comes back for the one that is left"
    left = [drop for drop, state in zip(drops, world.states(*drops), strict=True) if state != "SCORED"]
    assert left == [drops[refused]]
    assert calls_for_the_operator(caplog)


def test_a_defect_over_one_drop_ends_failed_with_its_message_and_calls_for_the_operator(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.approve()
    drops = put_many(world, 2)
    refuse_to_join(world, drops[0], Defect("a defect of Dropscore: KeyError: 'x'"))
    settle(world)

    assert world.states(*drops) == ["FAILED", "SCORED"]
    assert "KeyError: 'x'" in str(world.drop(drops[0]).reason)
    assert calls_for_the_operator(caplog)
