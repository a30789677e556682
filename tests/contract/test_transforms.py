"""Models and transform jobs: what starts, what is refused and whom that tells, and how a job ends.

Of one side only: throttling, since the simulated world refuses calls around this adapter and not in it. Not
here: what SageMaker says first of a name that is taken and a model that
is gone, which no document settles; a job that goes on for a while after it was told to stop (Stopping), since
the simulated one stops at once.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from dropscore.aws.transforms import CannotStart, ModelMissing, QuotaTooLow
from dropscore.domain.errors import ServiceBusy
from dropscore.domain.job import Outcome
from dropscore.domain.keys import FEATURES_PREFIX, manifest_key, outputs_prefix
from tests.contract.in_memory import FAILURE
from tests.local.builders import ENVIRONMENT_BEFORE, eventually, unique


@pytest.fixture
def sagemaker(side):
    return side.sagemaker()


@pytest.fixture
def transforms(sagemaker):
    return sagemaker.transforms


@pytest.fixture
def model(sagemaker):
    """A model of an approved package."""
    name = unique("model")
    sagemaker.transforms.create_model(name, sagemaker.register())
    return name


def create_job(sagemaker, model, *shards, name=None):
    """Write a manifest and start a job of these shards (one, when none is given); its name."""
    name = name or unique("job")
    places = shards or [sagemaker.put_shard(unique("drop"), [0, 1])]
    manifest = [{"prefix": sagemaker.work.uri(FEATURES_PREFIX)}, *places]
    sagemaker.work.put(manifest_key(name), json.dumps(manifest).encode(), "application/json")
    return start(sagemaker, model, name)


def start(sagemaker, model, name):
    work = sagemaker.work
    manifest, outputs = work.uri(manifest_key(name)), work.uri(outputs_prefix(name))
    sagemaker.transforms.create_job(name, model, manifest, outputs, 1)
    return name


def predicted_rows(sagemaker, name):
    """By output, the rows that have a prediction."""
    work, prefix = sagemaker.work, outputs_prefix(name)
    lines = {one: work.read(prefix + one).decode().splitlines() for one in work.names(prefix)}
    return {one: sorted(int(line.split(",")[0]) for line in found) for one, found in lines.items()}


# --- models ---------------------------------------------------------------------------------------------


def test_a_model_is_made_of_a_package(sagemaker, transforms):
    arn, name = sagemaker.register(), unique("model")
    transforms.create_model(name, arn)
    assert sagemaker.package_of(name) == arn


def test_a_model_that_is_there_already_is_as_good_and_stays_as_it_is(sagemaker, transforms):
    first, second, name = sagemaker.register(), sagemaker.register(), unique("model")
    transforms.create_model(name, first)
    transforms.create_model(name, first)
    transforms.create_model(name, second)
    assert sagemaker.package_of(name) == first


@pytest.mark.parametrize("approval", ["Rejected", "PendingManualApproval"])
def test_a_version_that_is_not_approved_becomes_no_model(sagemaker, transforms, approval):
    """ "must be set to Approved to deploy the model" (CreateModelPackage, API reference)."""
    arn = sagemaker.register(approval)
    with pytest.raises(CannotStart, match="SageMaker: ValidationException: "):
        transforms.create_model(unique("model"), arn)


def test_a_version_that_is_not_there_becomes_no_model(sagemaker, transforms):
    arn = sagemaker.register()
    sagemaker.delete(arn)
    with pytest.raises(CannotStart):
        transforms.create_model(unique("model"), arn)


# --- starting -------------------------------------------------------------------------------------------


def test_a_job_has_no_outcome_while_it_runs_and_says_since_when(sagemaker, transforms, model):
    sagemaker.hold_jobs()
    status = transforms.describe(create_job(sagemaker, model))
    assert (status.outcome, status.failure_reason) == (None, None)
    assert abs(datetime.now(UTC) - status.created_at) < timedelta(minutes=1)


def test_a_job_that_was_never_started_is_none(transforms):
    assert transforms.describe(unique("job")) is None


def test_a_job_that_was_started_already_is_as_good_and_stays_as_it_is(sagemaker, transforms, model):
    # GIVEN a job that has failed
    sagemaker.fail_jobs()
    name = create_job(sagemaker, model)
    assert sagemaker.ended(name) is Outcome.FAILED
    before = transforms.describe(name)
    # WHEN it is started again
    start(sagemaker, model, name)
    # THEN it still has
    assert transforms.describe(name) == before


def test_a_job_of_a_model_that_is_not_there_says_so(sagemaker, transforms):
    name = unique("job")
    with pytest.raises(ModelMissing, match="Could not find model"):
        create_job(sagemaker, unique("model"), name=name)
    assert transforms.describe(name) is None


def test_a_job_beyond_the_quota_is_for_later(sagemaker, transforms, model):
    sagemaker.hold_jobs()
    create_job(sagemaker, model)
    sagemaker.allow_instances(1)
    name = unique("job")
    with pytest.raises(ServiceBusy, match="SageMaker: ResourceLimitExceeded"):
        create_job(sagemaker, model, name=name)
    assert transforms.describe(name) is None


def test_a_quota_that_has_room_for_no_job_is_the_operator_s(sagemaker, transforms, model):
    sagemaker.allow_instances(0)
    name = unique("job")
    with pytest.raises(QuotaTooLow, match="is 0, a job needs 1"):
        create_job(sagemaker, model, name=name)
    assert transforms.describe(name) is None


def test_a_job_that_was_started_already_needs_no_quota(sagemaker, model):
    sagemaker.hold_jobs()
    name = create_job(sagemaker, model)
    sagemaker.allow_instances(1)
    start(sagemaker, model, name)


def test_a_job_without_its_manifest_is_refused(sagemaker, transforms, model):
    name = unique("job")
    with pytest.raises(CannotStart, match="SageMaker: ValidationException: No S3 objects found") as refusal:
        start(sagemaker, model, name)
    assert not isinstance(refusal.value, ModelMissing)
    assert transforms.describe(name) is None


@pytest.mark.parametrize("side", ["embedded"], indirect=True)
@pytest.mark.parametrize("operation", ["CreateModel", "CreateTransformJob"])
def test_a_throttled_call_is_for_later_and_can_be_repeated(sagemaker, operation):
    arn, model = sagemaker.register(), unique("model")
    sagemaker.hold_jobs()
    sagemaker.throttle(operation)
    with pytest.raises(ServiceBusy, match="SageMaker: ThrottlingException: Rate exceeded"):
        create_both(sagemaker, model, arn)
    create_both(sagemaker, model, arn)


def create_both(sagemaker, model, arn):
    sagemaker.transforms.create_model(model, arn)
    create_job(sagemaker, model)


# --- ending ---------------------------------------------------------------------------------------------


def test_a_completed_job_has_put_out_a_prediction_for_every_row_of_every_shard(sagemaker, transforms, model):
    first, second = sagemaker.put_shard("aa", [0, 2, 5]), sagemaker.put_shard("bb", [7])
    name = create_job(sagemaker, model, first, second)
    assert sagemaker.ended(name) is Outcome.COMPLETED
    assert transforms.describe(name).failure_reason is None
    assert predicted_rows(sagemaker, name) == {f"{first}.out": [0, 2, 5], f"{second}.out": [7]}


@pytest.mark.parametrize("side", ["embedded"], indirect=True)
def test_a_job_of_a_version_registered_without_the_serving_environment_scores(sagemaker, transforms):
    """Of one side only: the simulated SageMaker has no containers."""
    model = unique("model")
    transforms.create_model(model, sagemaker.register(environment=ENVIRONMENT_BEFORE))
    shard = sagemaker.put_shard("aa", [0, 1])
    name = create_job(sagemaker, model, shard)
    assert sagemaker.ended(name) is Outcome.COMPLETED
    assert predicted_rows(sagemaker, name) == {f"{shard}.out": [0, 1]}


def test_a_job_that_fails_over_one_shard_has_put_out_the_others(sagemaker, transforms, model):
    """ "The processed files still generate useable results" (batch transform, developer guide)."""
    good, bad = sagemaker.put_shard("aa", [0, 1]), sagemaker.put_shard("bb", [0], poison=True)
    name = create_job(sagemaker, model, bad, good)
    assert sagemaker.ended(name) is Outcome.FAILED
    assert transforms.describe(name).failure_reason
    assert predicted_rows(sagemaker, name) == {f"{good}.out": [0, 1]}


def test_a_failed_job_says_why(sagemaker, transforms, model):
    sagemaker.fail_jobs()
    name = create_job(sagemaker, model)
    assert sagemaker.ended(name) is Outcome.FAILED
    assert transforms.describe(name).failure_reason == FAILURE
    assert predicted_rows(sagemaker, name) == {}


def test_a_running_job_that_is_told_to_stop_stops_without_output(sagemaker, transforms, model):
    sagemaker.hold_jobs()
    name = create_job(sagemaker, model)
    transforms.stop(name)
    transforms.stop(name)
    eventually(lambda: transforms.describe(name).outcome is Outcome.STOPPED)
    assert transforms.describe(name).failure_reason is None
    assert predicted_rows(sagemaker, name) == {}


def test_a_job_that_has_ended_cannot_be_stopped_any_more(sagemaker, transforms, model):
    sagemaker.fail_jobs()
    name = create_job(sagemaker, model)
    sagemaker.ended(name)
    before = transforms.describe(name)
    transforms.stop(name)
    assert transforms.describe(name) == before


def test_a_job_that_is_not_there_cannot_be_stopped(transforms):
    name = unique("job")
    transforms.stop(name)
    assert transforms.describe(name) is None
