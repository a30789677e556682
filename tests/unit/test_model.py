"""Which model package can score."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dropscore.domain.drop import ModelVersion
from dropscore.domain.errors import ModelUnusable
from dropscore.domain.model import CONTAINER_LIBRARIES, Package, split_s3_uri
from tests.unit.builders import ARN

IMAGE = "492215442770.dkr.ecr.eu-central-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
METADATA = {"feature_spec_uri": "s3://m/s.json", "feature_spec_sha256": "ab", **CONTAINER_LIBRARIES["1.9-0"]}


def package(image=IMAGE, **metadata):
    merged = {name: value for name, value in {**METADATA, **metadata}.items() if value is not None}
    return Package(ARN, "dropscore", 7, approved=True, image=image, metadata=merged)


def test_a_package_with_spec_and_the_container_s_libraries_can_score():
    assert package().model_version() == ModelVersion("dropscore", 7, ARN, "s3://m/s.json", "ab")


@pytest.mark.parametrize("name", ["feature_spec_uri", "feature_spec_sha256"])
@pytest.mark.parametrize("value", [None, ""])
def test_without_a_spec_and_its_hash_it_cannot(name, value):
    with pytest.raises(ModelUnusable, match="model package dropscore version 7 names no feature spec"):
        package(**{name: value}).model_version()


@pytest.mark.parametrize(
    ("library", "version"), [("sklearn", "1.8.0"), ("numpy", "1.26.4"), ("python", "3.10"), ("numpy", None)]
)
def test_trained_with_other_libraries_than_its_image_has_it_cannot(library, version):
    with pytest.raises(
        ModelUnusable, match=f"trained with {library} {version}, its image has .*: train it anew"
    ):
        package(**{library: version}).model_version()


def test_the_artefact_is_its_address_and_hash():
    found = replace(package(model_data_sha256="cd"), model_data_url="s3://m/model.tar.gz")
    assert found.artefact() == ("s3://m/model.tar.gz", "cd")


@pytest.mark.parametrize(("url", "sha256"), [("", "cd"), ("s3://m/model.tar.gz", None)])
def test_without_an_artefact_and_its_hash_it_cannot(url, sha256):
    with pytest.raises(ModelUnusable, match="names no model artefact and its sha256"):
        replace(package(model_data_sha256=sha256), model_data_url=url).artefact()


@pytest.mark.parametrize("image", ["1.dkr.ecr.eu-central-1.amazonaws.com/my-own:latest", ""])
def test_of_an_image_that_is_not_known_nothing_is_demanded(image):
    assert package(image, sklearn=None, numpy="1.0").model_version().version == 7


@pytest.mark.parametrize(
    ("uri", "parts"), [("s3://b/k", ("b", "k")), ("s3://b/a b/ü?#%20.json", ("b", "a b/ü?#%20.json"))]
)
def test_an_s3_address_is_bucket_and_key(uri, parts):
    assert split_s3_uri(uri) == parts


@pytest.mark.parametrize("uri", ["", "s3://", "s3://b", "s3://b/", "https://b/k", "S3://b/k"])
def test_what_is_no_s3_address_makes_the_model_unusable(uri):
    with pytest.raises(ModelUnusable, match="is not an s3:// address"):
        split_s3_uri(uri)


def test_metrics_are_the_numbers_that_it_was_measured_at():
    said = {
        "metric_AE-at-50th": "0.25",
        "metric_r2": "-1",
        "metric_bad": "x",
        "metric_inf": "inf",
        "other": "1",
    }
    assert package(**said).metrics == {"AE-at-50th": 0.25, "r2": -1.0}
