"""What tools outside the stack rely on: outputs, parameters, environment, handlers."""

import re

import pytest

from dropscore.domain.source import DEFAULT_SUFFIXES, read_suffixes
from tests.template.translated import translated

FUNCTIONS = ["PrepareFunction", "CollectFunction", "SweepFunction", "ResultsApiFunction", "PredictFunction"]
ENVIRONMENT = {
    "AWS_ENDPOINT_URL",
    "INBOX_BUCKET",
    "WORK_BUCKET",
    "RESULTS_BUCKET",
    "MODELS_BUCKET",
    "LEDGER_TABLE",
    "INBOX_QUEUE_URL",
    "COLLECT_QUEUE_URL",
    "MODEL_PACKAGE_GROUP",
    "JOB_PREFIX",
    "TRANSFORM_ROLE_ARN",
    "INSTANCE_TYPE",
    "MIN_INSTANCES",
    "MAX_INSTANCES",
    "MAX_PAYLOAD_MB",
    "MAX_CONCURRENT_TRANSFORMS",
    "JOB_MAX_DROPS",
    "JOB_WINDOW_SECONDS",
    "MAX_RUNNING_JOBS",
    "MAX_JOBS_PER_DAY",
    "MAX_JOB_HOURS",
    "PAUSED",
    "MAX_ROWS_PER_DROP",
    "MAX_BYTES_PER_DROP",
    "MAX_REJECTED_FRACTION",
    "SHARD_MEGABYTES",
    "INBOX_SUFFIXES",
    "KMS_KEY_ARN",
    "CODE_VERSION",
    "POWERTOOLS_SERVICE_NAME",
    "POWERTOOLS_METRICS_NAMESPACE",
    "POWERTOOLS_LOG_LEVEL",
}
OF_ONE = {"ResultsApiFunction": {"API_AUTH"}, "PredictFunction": {"ENDPOINT_NAME"}}
WITH_ENDPOINT = translated(true=("HasRealtimeEndpoint",))


def test_outputs_are_the_ones_that_tools_read():
    outputs = translated().template["Outputs"]
    always = {name for name, output in outputs.items() if "Condition" not in output}
    assert {name: outputs[name]["Condition"] for name in set(outputs) - always} == {
        "EndpointName": "HasRealtimeEndpoint",
        "EndpointRoleArn": "HasRealtimeEndpoint",
    }
    assert always == {
        "InboxBucketName",
        "WorkBucketName",
        "ResultsBucketName",
        "ModelsBucketName",
        "LedgerTableName",
        "InboxQueueUrl",
        "CollectQueueUrl",
        "InboxDlqUrl",
        "CollectDlqUrl",
        "ModelPackageGroupName",
        "TransformRoleArn",
        "JobPrefix",
        "ResultsApiUrl",
        "ResultsDatabaseName",
        "PredictionsTableName",
    }


def test_every_parameter_is_described_grouped_and_has_a_default():
    parameters = translated().template["Parameters"]
    interface = translated().template["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
    assert sorted(grouped) == sorted(parameters)
    assert all("Default" in parameter and parameter["Description"] for parameter in parameters.values())


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        (".parquet", True),
        (".parquet,.parq,.parquet.gz", True),
        (".parquet,*", True),
        ("*", True),
        ("", False),
        ("parquet", False),
        (".parquet,", False),
        (".parquet, .parq", False),
        ("**", False),
        (".", False),
    ],
)
def test_the_template_takes_the_suffixes_that_the_functions_can_read(text, taken):
    parameter = translated().template["Parameters"]["InboxSuffixes"]
    assert bool(re.fullmatch(parameter["AllowedPattern"], text)) is taken
    if taken:
        assert read_suffixes(text)
    else:
        with pytest.raises(ValueError, match="is no suffix"):
            read_suffixes(text)


def test_the_default_suffixes_are_those_of_demo_and_training():
    default = translated().template["Parameters"]["InboxSuffixes"]["Default"]
    assert read_suffixes(default) == DEFAULT_SUFFIXES


def test_the_inbox_tells_of_every_object_so_that_what_is_no_drop_is_counted():
    (told,) = translated().properties("InboxBucket")["NotificationConfiguration"]["QueueConfigurations"]
    assert set(told) == {"Event", "Queue"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_gets_the_whole_environment(name):
    variables = set(WITH_ENDPOINT.properties(name)["Environment"]["Variables"])
    assert variables == ENVIRONMENT | OF_ONE.get(name, set())


def test_the_endpoint_of_aws_is_botocores_own_unless_set():
    assert translated().template["Parameters"]["LocalEndpointUrl"]["Default"] == ""


def test_handlers_are_the_doors():
    handlers = {name: WITH_ENDPOINT.properties(name)["Handler"] for name in FUNCTIONS}
    assert handlers == {
        "PrepareFunction": "dropscore.handlers.prepare.handler",
        "CollectFunction": "dropscore.handlers.collect.handler",
        "SweepFunction": "dropscore.handlers.sweep.handler",
        "ResultsApiFunction": "dropscore.handlers.results_api.handler",
        "PredictFunction": "dropscore.handlers.predict.handler",
    }


def test_these_are_all_the_functions_and_predictions_are_off_unless_asked_for():
    assert set(WITH_ENDPOINT.of_type("AWS::Lambda::Function")) == set(FUNCTIONS)
    assert set(translated().of_type("AWS::Lambda::Function")) == set(FUNCTIONS) - {"PredictFunction"}
    assert translated().template["Parameters"]["RealtimeEndpoint"]["Default"] == "disabled"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_share_one_artifact_and_one_runtime(name):
    function = WITH_ENDPOINT.properties(name)
    assert function["Code"] == translated().properties("PrepareFunction")["Code"]
    assert function["Runtime"] == "python3.12"
    assert function["Architectures"] == ["x86_64"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_traced_and_log_json_into_a_group_that_expires(name):
    function = WITH_ENDPOINT.properties(name)
    logging = function["LoggingConfig"]
    assert function["TracingConfig"] == {"Mode": "Active"}
    assert logging["LogFormat"] == "JSON"
    assert logging["ApplicationLogLevel"] == {"Ref": "LogLevel"}
    # At WARN or ERROR Lambda would drop the metrics, which are lines without a level.
    assert translated().template["Parameters"]["LogLevel"]["AllowedValues"] == ["DEBUG", "INFO"]
    assert "RetentionInDays" in WITH_ENDPOINT.properties(logging["LogGroup"]["Ref"])


def test_the_ledger_has_the_keys_index_and_safeguards_that_the_code_counts_on():
    ledger = translated().properties("LedgerTable")
    assert ledger["KeySchema"] == [{"AttributeName": "pk", "KeyType": "HASH"}]
    indexes = {
        index["IndexName"]: [key["AttributeName"] for key in index["KeySchema"]]
        for index in ledger["GlobalSecondaryIndexes"]
    }
    assert indexes == {
        "work": ["work", "due"],
        "arrivals": ["arrivals", "arrived"],
        "states": ["states", "arrived"],
        "versions": ["versions", "arrived"],
        "keys": ["keys", "key_order"],
    }
    assert ledger["BillingMode"] == "PAY_PER_REQUEST"
    assert ledger["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
    assert ledger["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert ledger["SSESpecification"]["SSEEnabled"] is True
