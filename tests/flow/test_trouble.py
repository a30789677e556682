"""Trouble with SageMaker and with messages, on the embedded stack: every drop ends right all the same."""

from __future__ import annotations

import re

import pytest

from tests.flow.flow import Flow, parquet, wait_for


def test_without_an_approved_model_drops_wait_until_there_is_one(flow: Flow) -> None:
    arn = flow.model.version.arn
    flow.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Rejected")
    drop_id = flow.put("waits.parquet", parquet(2))
    (waiting,) = flow.wait_until([drop_id], {"WAITING"})
    assert "has no approved version" in str(waiting.reason)

    flow.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    flow.sweep()

    (drop,) = flow.wait(drop_id)
    assert (drop.state, drop.attempt) == ("SCORED", 2)


def test_throttling_and_quota_make_a_job_wait_not_fail(flow: Flow) -> None:
    flow.stack.change_faults(instance_quota=0, throttle={"CreateTransformJob": 3})
    drop_id = flow.put("throttled.parquet", parquet(2))
    (scoring,) = flow.wait_until([drop_id], {"SCORING"})
    flow.sweep()
    assert flow.table.get(f"job#{scoring.job}")["state"] == "PLANNED"

    flow.stack.reset_faults()
    flow.sweep()

    (drop,) = flow.wait(drop_id)
    assert (drop.state, drop.job) == ("SCORED", scoring.job)


def test_a_lost_event_is_made_up_for_by_the_sweep(flow: Flow) -> None:
    flow.stack.change_faults(drop_events=1)
    drop_id = flow.put("lost.parquet", parquet(2))
    (scoring,) = flow.wait_until([drop_id], {"SCORING"})

    def ended() -> bool:
        job = flow.sagemaker.describe_transform_job(TransformJobName=scoring.job)
        return job["TransformJobStatus"] == "Completed"

    wait_for(ended, lambda: "running")
    flow.sweep()  # on a busy machine the schedule's own may have been first

    (drop,) = flow.wait(drop_id)
    assert drop.state == "SCORED"


def test_events_that_come_twice_change_nothing(flow: Flow) -> None:
    flow.stack.change_faults(duplicate_events=1)

    (drop,) = flow.wait(flow.put("double.parquet", parquet(2)))

    assert drop.state == "SCORED"
    assert len(flow.results_of(drop)) == 1


@pytest.mark.parametrize(
    "fault",
    [
        "leave_out_rows",
        pytest.param("duplicate_rows", marks=pytest.mark.slow),
        pytest.param("leave_out_object", marks=pytest.mark.slow),
    ],
)
def test_outputs_that_are_not_whole_are_scored_again(flow: Flow, fault: str) -> None:
    flow.stack.change_faults(output_fault=fault, output_fault_jobs=1, output_fault_rows=1)

    (drop,) = flow.wait(flow.put(f"{fault}.parquet", parquet(5)))

    assert (drop.state, drop.tries) == ("SCORED", 2)
    assert flow.result(drop)["row"].to_pylist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("style", "shown"),
    [
        ("quoted", r'("\d+","[-\d.e]+"\n){5}'),
        pytest.param("crlf", r"(\d+,[-\d.e]+\r\n){5}", marks=pytest.mark.slow),
        pytest.param("no_final_newline", r"(\d+,[-\d.e]+\n){4}\d+,[-\d.e]+", marks=pytest.mark.slow),
    ],
    ids=["quoted", "crlf", "no_final_newline"],
)
def test_results_are_the_same_in_whatever_style_sagemaker_writes_csv(
    flow: Flow, style: str, shown: str
) -> None:
    (plain,) = flow.wait(flow.put("style.parquet", parquet(5)))
    flow.stack.change_faults(csv_style=style)

    (drop,) = flow.wait(flow.put("style.parquet", parquet(5)))

    assert (drop.state, drop.tries) == ("SCORED", 1), drop.reason
    assert flow.result(drop).drop_columns("drop_id").equals(flow.result(plain).drop_columns("drop_id"))
    assert [re.fullmatch(shown, output) is not None for output in flow.outputs(drop)] == [True]


def test_a_job_that_fails_is_tried_once_more(flow: Flow) -> None:
    flow.stack.change_faults(fail_jobs=1, failure_reason="AlgorithmError: no such thing")

    (drop,) = flow.wait(flow.put("fails-once.parquet", parquet(5)))

    assert (drop.state, drop.tries, drop.lone_failures) == ("SCORED", 2, 1)


def test_drops_wait_for_capacity_that_aws_has_not_and_nobody_is_blamed(flow: Flow) -> None:
    flow.stack.change_faults(fail_jobs=1, failure_reason="CapacityError: no instances of that type right now")
    drop_id = flow.put("no-capacity.parquet", parquet(5))
    wait_for(
        lambda: flow.found([drop_id])[0] and flow.found([drop_id])[0].aws_failures == 1,
        lambda: str(flow.found([drop_id])),
    )
    (waiting,) = flow.found([drop_id])
    assert waiting.state == "PREPARED"
    assert str(waiting.reason).startswith("AWS has no capacity for the job (CapacityError: no instances")

    flow.table.change(f"drop#{drop_id}", {"due": "2020-01-01T00:00:00.000Z"}, None)  # not in 10 minutes, now
    flow.sweep()

    (drop,) = flow.wait(drop_id)
    assert (drop.state, drop.tries, drop.lone_failures) == ("SCORED", 2, 0)


def test_a_drop_that_fails_twice_is_failed_with_sagemaker_s_reason_until_retried(flow: Flow) -> None:
    flow.stack.change_faults(fail_jobs=2, failure_reason="AlgorithmError: no such thing")
    drop_id = flow.put("fails.parquet", parquet(5))
    (failed,) = flow.wait(drop_id)
    assert (failed.state, failed.tries) == ("FAILED", 2)
    assert "AlgorithmError: no such thing" in str(failed.reason)

    answer = flow.sweep({"retry": [drop_id]})

    assert answer["retry"][drop_id].startswith("WAITING")
    (drop,) = flow.wait_until([drop_id], {"SCORED"})
    assert drop.attempt == 2


def test_a_sweep_at_rest_has_nothing_to_do(flow: Flow) -> None:
    flow.wait(flow.put("rest.parquet", parquet(2)))
    wait_for(lambda: not any(flow.sweep().values()), lambda: str(flow.sweep()))

    assert flow.sweep() == {"announced": 0, "resumed": 0, "collected": 0, "stopped": 0, "dispatched": 0}
