"""The environment, read once into typed values."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dropscore.domain.fleet import Fleet
from dropscore.settings import ApiAuth, ApiSettings, Settings, SettingsError

ENVIRONMENT = {
    "INBOX_BUCKET": "inbox",
    "WORK_BUCKET": "work",
    "RESULTS_BUCKET": "results",
    "MODELS_BUCKET": "models",
    "LEDGER_TABLE": "ledger",
    "INBOX_QUEUE_URL": "https://q/inbox",
    "COLLECT_QUEUE_URL": "https://q/collect",
    "MODEL_PACKAGE_GROUP": "dropscore",
    "JOB_PREFIX": "dropscore",
    "TRANSFORM_ROLE_ARN": "arn:aws:iam::123456789012:role/t",
    "INSTANCE_TYPE": "ml.m5.large",
    "MIN_INSTANCES": "1",
    "MAX_INSTANCES": "3",
    "MAX_PAYLOAD_MB": "6",
    "MAX_CONCURRENT_TRANSFORMS": "1",
    "JOB_MAX_DROPS": "100",
    "JOB_WINDOW_SECONDS": "0.5",
    "MAX_RUNNING_JOBS": "4",
    "MAX_JOBS_PER_DAY": "200",
    "MAX_JOB_HOURS": "1.5",
    "PAUSED": "false",
    "MAX_ROWS_PER_DROP": "20000000",
    "MAX_BYTES_PER_DROP": "2147483648",
    "MAX_REJECTED_FRACTION": "0.5",
    "SHARD_MEGABYTES": "8",
    "INBOX_SUFFIXES": ".parquet",
}
NUMBERS = [name for name, value in ENVIRONMENT.items() if value.replace(".", "").isdigit()]


def read(**changes):
    return Settings.read({**ENVIRONMENT, **changes})


def test_every_variable_ends_up_in_its_place():
    settings = read(KMS_KEY_ARN="arn:k", CODE_VERSION="abc")
    assert (settings.work_bucket, settings.ledger_table, settings.kms_key_arn) == ("work", "ledger", "arn:k")
    assert settings.code_version == "abc"
    assert settings.brakes.window == timedelta(milliseconds=500)
    assert settings.brakes.max_duration == timedelta(minutes=90)
    assert (settings.brakes.max_drops, settings.brakes.max_running, settings.brakes.max_per_day) == (
        100,
        4,
        200,
    )
    assert (settings.limits.max_rows, settings.limits.max_bytes) == (20_000_000, 2**31)
    assert settings.limits.max_rejected_fraction == 0.5
    assert settings.limits.shard_bytes == 8 * 2**20
    assert settings.fleet == Fleet(1, 3)
    assert read(INBOX_SUFFIXES=".parquet,*").inbox_suffixes == (".parquet", "")


def test_what_is_no_list_of_suffixes_is_named():
    with pytest.raises(SettingsError, match="INBOX_SUFFIXES='csv': 'csv' is no suffix"):
        read(INBOX_SUFFIXES="csv")


@pytest.mark.parametrize("name", ENVIRONMENT)
@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_variable_is_named(name, value):
    environment = {**ENVIRONMENT, name: value} if value is not None else dict(ENVIRONMENT)
    if value is None:
        del environment[name]
    with pytest.raises(SettingsError, match=f"lacks {name}; deploy"):
        Settings.read(environment)


@pytest.mark.parametrize("name", NUMBERS)
def test_what_is_no_number_is_named_with_what_it_is(name):
    with pytest.raises(SettingsError, match=f"{name}='many', expected a number"):
        read(**{name: "many"})


def test_a_job_cannot_have_more_instances_at_least_than_at_most():
    assert read(MIN_INSTANCES="3").fleet == Fleet(3, 3)
    with pytest.raises(SettingsError, match=r"MinInstances is 4, more than MaxInstances \(3\): lower it"):
        read(MIN_INSTANCES="4")


@pytest.mark.parametrize("value", [None, ""])
def test_without_a_customer_key_there_is_none(value):
    assert read(**({} if value is None else {"KMS_KEY_ARN": value})).kms_key_arn is None


@pytest.mark.parametrize(("value", "paused"), [("true", True), ("True", True), ("false", False)])
def test_paused_is_true_or_false(value, paused):
    assert read(PAUSED=value).brakes.paused is paused


def test_the_reader_gets_what_the_function_itself_does_not_take():
    assert read(AWS_LAMBDA_FUNCTION_MEMORY_SIZE="1769").reader_memory_bytes == (1769 - 256) * 2**20
    assert read().reader_memory_bytes is None


def test_a_function_with_too_little_memory_to_read_files_says_how_much_it_needs():
    with pytest.raises(
        SettingsError, match="FunctionMemoryMB leaves too little for reading files: it takes 768"
    ):
        read(AWS_LAMBDA_FUNCTION_MEMORY_SIZE="512")


def test_the_api_reads_what_it_needs_and_no_more():
    needed = {name: ENVIRONMENT[name] for name in ("RESULTS_BUCKET", "LEDGER_TABLE", "MODEL_PACKAGE_GROUP")}
    assert ApiSettings.read({**needed, "API_AUTH": "JWT"}) == ApiSettings(
        "results", "ledger", "dropscore", "unknown", ApiAuth.JWT
    )
    for name in (*needed, "API_AUTH"):
        with pytest.raises(SettingsError, match=f"lacks {name}; deploy"):
            ApiSettings.read({**needed, "API_AUTH": "IAM", name: ""})


def test_who_may_read_is_one_of_two():
    with pytest.raises(SettingsError, match="API_AUTH='NONE', expected IAM or JWT"):
        ApiSettings.read({**ENVIRONMENT, "API_AUTH": "NONE"})
