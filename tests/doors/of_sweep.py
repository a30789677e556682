"""Exercises for the grants of SweepRole."""

from __future__ import annotations

from tests.doors.exercises import Act, Exercise, ledger, logging
from tests.doors.house import MOSTLY_BAD, House


def dispatch(house: House) -> Act:
    """A drop that is PREPARED gets a job."""
    house.prepared()
    return house.sweep


def dispatch_with_a_new_model(house: House) -> Act:
    house.forget_model()
    return dispatch(house)


def resume(house: House) -> Act:
    """A drop waits for the model that has come."""
    house.waiting()
    return house.sweep


def resume_by_a_bad_version(house: House) -> Act:
    house.waiting()
    house.undo.enter_context(house.spec_missing())
    return house.sweep


def look_after_jobs(house: House) -> Act:
    """A job has ended, and nobody has said so."""
    house.ended_job()
    return house.sweep


def stop_a_job(house: House) -> Act:
    """A job runs, and none may run for any time."""
    name = house.ids["SweepFunction"]
    environment = house.functions.get_function_configuration(FunctionName=name)["Environment"]
    impatient = {"Variables": {**environment["Variables"], "MAX_JOB_HOURS": "0"}}
    house.functions.update_function_configuration(FunctionName=name, Environment=impatient)
    house.undo.callback(
        house.functions.update_function_configuration, FunctionName=name, Environment=environment
    )
    house.stack.change_faults(job_delay_seconds=600)
    house.undo.callback(house.fail_jobs_at_once)
    house.prepare(house.drop().event)
    return house.sweep


def announce(house: House) -> Act:
    """A drop's end could not be announced."""
    dropped = house.drop(MOSTLY_BAD)
    with house.without_events():
        house.prepare(dropped.event)
    house.make_due(dropped)
    return house.sweep


_DISPATCHED = [
    *ledger("SweepRole", "BatchGetItem", "GetItem", "UpdateItem"),
    "SweepRole FindOpenWork dynamodb:Query LedgerTable/index/work",
    "SweepRole PlanJob dynamodb:PutItem LedgerTable",
    "SweepRole ReadPackage sagemaker:DescribeModelPackage model-package/ModelPackageGroupName/*",
    "SweepRole WriteManifest s3:PutObject WorkBucket/manifests/*",
    "SweepRole StartJob sagemaker:CreateTransformJob transform-job/JobPrefix-*",
]
_MODELLED = [
    "SweepRole ReadSpecAndArtefact s3:GetObject ModelsBucket/*",
    "SweepRole MakeModel sagemaker:CreateModel model/JobPrefix-*",
    "SweepRole GiveTheJobItsRole iam:PassRole TransformRole",
]

EXERCISES = {
    **dict.fromkeys(_DISPATCHED, Exercise(dispatch)),
    **dict.fromkeys(_MODELLED, Exercise(dispatch_with_a_new_model)),
    "SweepRole FindApprovedPackage sagemaker:ListModelPackages *": Exercise(resume),
    "SweepRole HandOnToPrepare sqs:SendMessage InboxQueue": Exercise(resume),
    "SweepRole TellMissingFromForbidden s3:ListBucket ModelsBucket": Exercise(resume_by_a_bad_version),
    "SweepRole HandOnToCollect sqs:SendMessage CollectQueue": Exercise(look_after_jobs),
    "SweepRole StartJob sagemaker:DescribeTransformJob transform-job/JobPrefix-*": Exercise(look_after_jobs),
    "SweepRole StopJob sagemaker:StopTransformJob transform-job/JobPrefix-*": Exercise(stop_a_job),
    "SweepRole Announce events:PutEvents event-bus/default": Exercise(announce),
    **{
        f"SweepRole WriteLogs logs:{action} SweepLogs": logging("SweepFunction")
        for action in ("CreateLogStream", "PutLogEvents")
    },
}
