"""Exercises for the grants of ResultsApiRole."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle

from tests.doors.exercises import Act, Exercise
from tests.doors.house import MOSTLY_BAD, NO_ROWS, NOTHING_LOGGED, Dropped, House


def reading(target: str) -> Exercise:
    """Somebody reads what is always there."""
    return Exercise(lambda house: lambda: house.read(target))


def reading_of(dropped: Callable[[House], Dropped], target: str) -> Exercise:
    """Somebody reads what there is of a drop: nothing of it has been read before."""

    def begin(house: House) -> Act:
        drop_id = dropped(house).drop_id
        return lambda: house.read(target.format(drop_id=drop_id))

    return Exercise(begin)


def scored(house: House) -> Dropped:
    """A drop of no rows: it is SCORED without a job, and has a result."""
    dropped = house.drop(NO_ROWS)
    house.prepare(dropped.event)
    return dropped


def rejected(house: House) -> Dropped:
    dropped = house.drop(MOSTLY_BAD)
    house.prepare(dropped.event)
    return dropped


def scored_but_gone(house: House) -> Dropped:
    """Somebody has deleted the result."""
    dropped = scored(house)
    (drop,) = house.found([dropped.drop_id])
    assert drop is not None
    bucket, key = str(drop.result_uri).removeprefix("s3://").split("/", 1)
    house.s3.delete_object(Bucket=bucket, Key=key)
    return dropped


def reading_of_models(house: House) -> Act:
    """Somebody reads what has not been read before: what has been is kept for some seconds."""
    house.new_version()
    return lambda: house.read(f"models?limit={next(_LIMITS)}")


_LIMITS = cycle(range(1, 21))
_MODELS = Exercise(reading_of_models)

_LISTS = {
    "arrivals": "drops",
    "keys": "drops?key_prefix=doors",
    "states": "drops?state=SCORED",
    "versions": "drops?model_version=1",
}

EXERCISES = {
    "ResultsApiRole ReadLedger dynamodb:GetItem LedgerTable": reading_of(scored, "drops/{drop_id}"),
    "ResultsApiRole ReadLedger dynamodb:BatchGetItem LedgerTable": reading_of(scored, "drops"),
    **{
        f"ResultsApiRole FindDrops dynamodb:Query LedgerTable/index/{index}": reading(target)
        for index, target in _LISTS.items()
    },
    "ResultsApiRole ReadResults s3:GetObject ResultsBucket/predictions/*": reading_of(
        scored, "drops/{drop_id}/predictions"
    ),
    "ResultsApiRole ReadResults s3:GetObject ResultsBucket/rejects/*": reading_of(
        rejected, "drops/{drop_id}/rejects"
    ),
    "ResultsApiRole TellMissingFromForbidden s3:ListBucket ResultsBucket": reading_of(
        scored_but_gone, "drops/{drop_id}/predictions"
    ),
    "ResultsApiRole ListModels sagemaker:ListModelPackages *": _MODELS,
    "ResultsApiRole ReadModels sagemaker:DescribeModelPackage model-package/ModelPackageGroupName/*": _MODELS,
    **{
        f"ResultsApiRole WriteLogs logs:{action} ResultsApiLogs": Exercise(
            lambda house: lambda: house.read("drops"), NOTHING_LOGGED
        )
        for action in ("CreateLogStream", "PutLogEvents")
    },
}
