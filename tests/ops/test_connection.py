"""Where commands go: options first, then the AWS CLI's settings, then samconfig.toml; or `make local`."""

from __future__ import annotations

import json

import pytest

from ops import connection
from ops.connection import connect, sam_settings
from ops.doctor.wanted import instances, overrides
from ops.errors import NoRegion, NoStack, NotSignedIn


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """Nobody's own AWS settings, and a samconfig.toml of the test's."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setattr(connection, "SAM_SETTINGS", tmp_path / "samconfig.toml")
    monkeypatch.setattr(connection, "LOCAL_STACK", tmp_path / "stack.json")
    return tmp_path


def samconfig(folder, text):
    (folder / "samconfig.toml").write_text(text)


def test_the_stack_and_region_are_those_that_sam_deploy_was_told(alone):
    samconfig(
        alone,
        '[default.global.parameters]\nstack_name = "dropscore"\n'
        '[default.deploy.parameters]\nstack_name = "scores"\nregion = "eu-north-1"\n',
    )

    found = connect(None, None, None, local=False)

    assert (found.stack_name, found.region, found.embedded) == ("scores", "eu-north-1", False)


def test_options_and_the_aws_cli_s_settings_go_before_samconfig(alone, monkeypatch):
    samconfig(alone, '[default.deploy.parameters]\nstack_name = "scores"\nregion = "eu-north-1"\n')
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")

    assert connect(None, None, None, local=False).region == "us-west-2"
    found = connect("other", "eu-west-1", "http://127.0.0.1:1", local=False)
    assert (found.stack_name, found.region, found.embedded) == ("other", "eu-west-1", True)


def test_without_any_region_it_says_what_to_set():
    with pytest.raises(NoRegion, match="pass --region"):
        connect(None, None, None, local=False)


def test_an_unknown_profile_is_named(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(NotSignedIn, match="nobody"):
        connect(None, "eu-west-1", None, local=False)


def test_local_is_what_make_local_says_whatever_else_is_set(alone, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    told = {
        "endpoint_url": "http://127.0.0.1:4566",
        "stack_name": "dropscore-local",
        "region": "us-east-1",
        "access_key_id": "123456789012",
        "secret_access_key": "local",
    }
    (alone / "stack.json").write_text(json.dumps(told))

    found = connect(None, "eu-west-1", None, local=True)

    assert (found.stack_name, found.region, found.endpoint_url) == (
        "dropscore-local",
        "us-east-1",
        "http://127.0.0.1:4566",
    )
    assert found.session.get_credentials().access_key == "123456789012"
    assert found.client("sqs").meta.endpoint_url == "http://127.0.0.1:4566"
    assert found.client("sqs")._client_config.proxies == {}


def test_local_while_make_local_is_not_up_says_so():
    with pytest.raises(NoStack, match="make local is not up"):
        connect(None, None, None, local=True)


def test_a_samconfig_that_is_none_is_as_good_as_none(alone):
    samconfig(alone, "not = [toml")
    assert sam_settings() == {}


@pytest.mark.parametrize(
    "told",
    ['InstanceType="ml.c5.large" MaxRunningJobs="2"', ["InstanceType=ml.c5.large", "MaxRunningJobs=2"]],
)
def test_parameters_are_read_as_sam_writes_them(told):
    assert overrides({"parameter_overrides": told}) == {"InstanceType": "ml.c5.large", "MaxRunningJobs": "2"}


def test_all_jobs_together_take_their_instances_times_their_number():
    assert instances({"MinInstances": "1", "MaxInstances": "3", "MaxRunningJobs": "4"}) == 12
