"""Exercises for the grants of PrepareRole."""

from __future__ import annotations

from tests.doors.exercises import BY_HEAD, Act, Exercise, ledger, logging, polling
from tests.doors.house import MOSTLY_BAD, NO_ROWS, House


def score(house: House) -> Act:
    """A file comes, becomes shards, and a job of it is started."""
    return lambda: house.prepare(house.drop().event)


def score_with_a_new_model(house: House) -> Act:
    house.forget_model()
    return score(house)


def score_by_a_bad_version(house: House) -> Act:
    house.undo.enter_context(house.spec_missing())
    return score(house)


def arrive_without_version(house: House) -> Act:
    return lambda: house.prepare(house.drop(versioned=False).event)


def arrive_without_object(house: House) -> Act:
    return lambda: house.prepare(house.notification("doors/nowhere.parquet", None))


def score_nothing(house: House) -> Act:
    return lambda: house.prepare(house.drop(NO_ROWS).event)


def score_nothing_again(house: House) -> Act:
    """The result is there, from a try that the ledger knows nothing of."""
    dropped = house.drop(NO_ROWS)
    house.prepare(dropped.event)
    assert house.state(dropped) == "SCORED"

    def act() -> str:
        house.forget_drop(dropped)
        return house.prepare(dropped.event)

    return act


def reject(house: House) -> Act:
    return lambda: house.prepare(house.drop(MOSTLY_BAD).event)


def hand_on(house: House) -> Act:
    """Another invocation dispatches: a message has prepare try again."""
    house.undo.enter_context(house.dispatch_under_way())
    return lambda: house.prepare(house.drop().event)


def look_for_a_planned_job(house: House) -> Act:
    """A job that SageMaker had no room for, of a version that is rejected by now."""
    house.stack.change_faults(instance_quota=0)
    house.undo.callback(house.fail_jobs_at_once)
    house.prepare(house.drop().event)
    house.undo.enter_context(house.rejected())
    return lambda: house.prepare({"dispatch": True})


_SCORED = [
    *ledger("PrepareRole", "BatchGetItem", "GetItem", "UpdateItem"),
    "PrepareRole FindOpenWork dynamodb:Query LedgerTable/index/work",
    "PrepareRole PlanJob dynamodb:PutItem LedgerTable",
    "PrepareRole FindApprovedPackage sagemaker:ListModelPackages *",
    "PrepareRole ReadPackage sagemaker:DescribeModelPackage model-package/ModelPackageGroupName/*",
    "PrepareRole ReadSpecAndArtefact s3:GetObject ModelsBucket/*",
    "PrepareRole ReadDrop s3:GetObjectVersion InboxBucket/*",
    "PrepareRole WriteShards s3:PutObject WorkBucket/features/*",
    "PrepareRole WriteShards s3:PutObject WorkBucket/context/*",
    "PrepareRole WriteManifest s3:PutObject WorkBucket/manifests/*",
    "PrepareRole StartJob sagemaker:CreateTransformJob transform-job/JobPrefix-*",
]
_MODELLED = [
    "PrepareRole MakeModel sagemaker:CreateModel model/JobPrefix-*",
    "PrepareRole GiveTheJobItsRole iam:PassRole TransformRole",
]

EXERCISES = {
    **dict.fromkeys(_SCORED, Exercise(score)),
    **dict.fromkeys(_MODELLED, Exercise(score_with_a_new_model)),
    "PrepareRole StartJob sagemaker:DescribeTransformJob transform-job/JobPrefix-*": Exercise(
        look_for_a_planned_job
    ),
    "PrepareRole TellMissingFromForbidden s3:ListBucket ModelsBucket": Exercise(score_by_a_bad_version),
    "PrepareRole TellMissingFromForbidden s3:ListBucket InboxBucket": Exercise(
        arrive_without_object, BY_HEAD
    ),
    "PrepareRole ReadDrop s3:GetObject InboxBucket/*": Exercise(arrive_without_version, BY_HEAD),
    "PrepareRole WriteAndVerifyResults s3:PutObject ResultsBucket/predictions/*": Exercise(score_nothing),
    "PrepareRole WriteAndVerifyResults s3:GetObject ResultsBucket/predictions/*": Exercise(
        score_nothing_again, BY_HEAD
    ),
    "PrepareRole WriteRejects s3:PutObject ResultsBucket/rejects/*": Exercise(reject),
    "PrepareRole Announce events:PutEvents event-bus/default": Exercise(reject),
    "PrepareRole HandOnToPrepare sqs:SendMessage InboxQueue": Exercise(hand_on),
    **{
        f"PrepareRole Poll sqs:{action} InboxQueue": polling("PrepareFunction", action)
        for action in ("DeleteMessage", "GetQueueAttributes", "ReceiveMessage")
    },
    **{
        f"PrepareRole WriteLogs logs:{action} PrepareLogs": logging("PrepareFunction")
        for action in ("CreateLogStream", "PutLogEvents")
    },
}
