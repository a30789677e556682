"""Exercises for the grants of TransformRole, which jobs run with."""

from __future__ import annotations

from tests.doors.exercises import Act, Exercise
from tests.doors.house import House
from tests.doors.of_prepare import score, score_with_a_new_model

JOB_LOGS = "/aws/sagemaker/TransformJobs"
NO_JOB_LOG = "the job's log has nothing"


def run_a_job(house: House) -> Act:
    """A file is scored by a job with a container."""
    house.stack.reset_faults()
    house.undo.callback(house.fail_jobs_at_once)

    def act() -> str:
        dropped = house.drop()
        house.prepare(dropped.event)
        (drop,) = house.found([dropped.drop_id])
        return house.await_job(drop.job)

    return act


def run_a_broken_job(house: House) -> Act:
    """A job whose model is no archive ends soon, and says so in its log."""
    house.stack.reset_faults()
    house.undo.callback(house.fail_jobs_at_once)
    key = f"broken/{next(house.numbers)}/model.tar.gz"
    house.s3.put_object(Bucket=house.ids["ModelsBucket"], Key=key, Body=b"no archive")

    def act() -> str:
        if house.has_log_group(JOB_LOGS):
            house.logs.delete_log_group(logGroupName=JOB_LOGS)
        house.await_job(house.start_job(f"s3://{house.ids['ModelsBucket']}/{key}"))
        if not house.has_log_group(JOB_LOGS):
            return NO_JOB_LOG
        return "\n".join(house.take_log(JOB_LOGS)) or NO_JOB_LOG

    return act


_LOGS = "log-group:/aws/sagemaker/TransformJobs*"

EXERCISES = {
    "TransformRole ReadShards s3:GetObject WorkBucket/features/*": Exercise(run_a_job, again=False),
    "TransformRole ReadShards s3:GetObject WorkBucket/manifests/*": Exercise(run_a_job, again=False),
    "TransformRole WriteOutputs s3:PutObject WorkBucket/transform/*": Exercise(run_a_job, again=False),
    "TransformRole ReadModels s3:GetObject ModelsBucket/*": Exercise(
        score_with_a_new_model, 'Could not access model data.*"s3:GetObject\\\\*" permissions'
    ),
    "TransformRole ListBuckets s3:ListBucket WorkBucket": Exercise(
        score, '"s3:ListBucket\\\\*" permissions on bucket'
    ),
    **{
        f"TransformRole WriteLogs logs:{action} {_LOGS}": Exercise(
            run_a_broken_job, NO_JOB_LOG, again=action == "PutLogEvents"
        )
        for action in ("CreateLogGroup", "CreateLogStream", "PutLogEvents")
    },
}
