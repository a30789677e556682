"""The model registry: the newest approved version of the group, and each version as it was registered."""

from __future__ import annotations

import pytest

from dropscore.domain.model import Package
from tests.local.builders import ENVIRONMENT, unique


@pytest.fixture
def sagemaker(side):
    return side.sagemaker()


def newest(sagemaker):
    package = sagemaker.registry.newest_approved()
    return package and package.version


def test_a_group_without_versions_has_no_approved_one(sagemaker):
    assert newest(sagemaker) is None


@pytest.mark.parametrize("approval", ["Rejected", "PendingManualApproval"])
def test_a_version_that_is_not_approved_does_not_count(sagemaker, approval):
    sagemaker.register(approval)
    assert newest(sagemaker) is None
    sagemaker.register("Approved")
    sagemaker.register(approval)
    assert newest(sagemaker) == 2


def test_the_newest_version_counts_whichever_was_approved_last(sagemaker):
    old, new = sagemaker.register("PendingManualApproval"), sagemaker.register("PendingManualApproval")
    sagemaker.decide(new, "Approved")
    sagemaker.decide(old, "Approved")
    assert newest(sagemaker) == 2


def test_rejecting_a_version_brings_the_one_before_back(sagemaker):
    for _ in range(2):
        arn = sagemaker.register("Approved")
    sagemaker.decide(arn, "Rejected")
    assert newest(sagemaker) == 1


def test_of_more_versions_than_a_page_holds_the_newest_is_found(sagemaker):
    """A page of ListModelPackages has 10 (API reference)."""
    for _ in range(12):
        sagemaker.register("Approved")
    assert newest(sagemaker) == 12


def test_another_group_s_versions_do_not_count(sagemaker):
    sagemaker.register("Approved", group=unique("other-group"))
    assert newest(sagemaker) is None


def test_a_version_is_described_as_it_was_registered(sagemaker):
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/own:1"
    arn = sagemaker.register("Approved", image=image, numpy="2.5.1", feature_spec_uri="s3://m/f")
    metadata = {"numpy": "2.5.1", "feature_spec_uri": "s3://m/f"}
    package = Package(
        arn,
        sagemaker.registry.group,
        1,
        approved=True,
        image=image,
        metadata=metadata,
        model_data_url=sagemaker.work.uri("model.tar.gz"),
        environment=ENVIRONMENT,
    )
    assert sagemaker.registry.newest_approved() == sagemaker.registry.describe(arn) == package


def test_a_version_without_metadata_has_none(sagemaker):
    assert sagemaker.registry.describe(sagemaker.register("Approved")).metadata == {}


@pytest.mark.parametrize("approval", ["Rejected", "PendingManualApproval"])
def test_a_version_says_that_it_is_no_longer_approved(sagemaker, approval):
    arn = sagemaker.register("Approved")
    sagemaker.decide(arn, approval)
    package = sagemaker.registry.describe(arn)
    assert (package.arn, package.version, package.approved) == (arn, 1, False)


def test_a_version_that_was_deleted_is_none_and_its_number_is_gone(sagemaker):
    first, second = sagemaker.register("Approved"), sagemaker.register("Approved")
    sagemaker.delete(first)
    assert sagemaker.registry.describe(first) is None
    assert sagemaker.registry.describe(second).version == newest(sagemaker) == 2
