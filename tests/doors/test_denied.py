"""What is not granted is denied: each role's own credentials, tried on what it must not do."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.doors.house import House

FUNCTION_ROLES = ["PrepareRole", "CollectRole", "SweepRole", "ResultsApiRole", "PredictRole"]
ROLES = [*FUNCTION_ROLES, "TransformRole", "EndpointRole"]
Try = Callable[[Any, House], Any]


def get(bucket: str, key: str) -> tuple[str, Try]:
    return "s3", lambda client, house: client.get_object(Bucket=house.ids[bucket], Key=key)


def put(bucket: str, key: str) -> tuple[str, Try]:
    return "s3", lambda client, house: client.put_object(
        Bucket=house.ids[bucket], Key=key, Body=b"x", IfNoneMatch="*"
    )


def delete(bucket: str, key: str) -> tuple[str, Try]:
    return "s3", lambda client, house: client.delete_object(Bucket=house.ids[bucket], Key=key)


def listing(bucket: str) -> tuple[str, Try]:
    return "s3", lambda client, house: client.list_objects_v2(Bucket=house.ids[bucket])


def send(queue: str) -> tuple[str, Try]:
    return "sqs", lambda client, house: client.send_message(QueueUrl=house.ids[queue], MessageBody="{}")


def receive(queue: str) -> tuple[str, Try]:
    return "sqs", lambda client, house: client.receive_message(QueueUrl=house.ids[queue])


def calling(service: str, operation: str, **arguments: Any) -> tuple[str, Try]:
    """A call with arguments in which `{LogicalId}` stands for the physical id."""

    def call(client: Any, house: House) -> Any:
        return getattr(client, operation)(**_filled_in(arguments, house.ids))

    return service, call


def _filled_in(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _filled_in(item, ids) for name, item in value.items()}
    if isinstance(value, list):
        return [_filled_in(item, ids) for item in value]
    if isinstance(value, str) and (named := re.fullmatch(r"\{(\w+)\}", value)):
        return ids[named[1]]
    return value


def read_a_spec() -> tuple[str, Try]:
    """Read the feature spec of a version that the endpoint serves."""

    def call(client: Any, house: House) -> Any:
        place = {"Bucket": house.ids["ModelsBucket"], "Key": "dropscore/endpoint/own.json"}
        house.s3.put_object(**place, Body=b"{}", IfNoneMatch="*")
        return client.get_object(**place)

    return "s3", call


def make_model(name: str, role: str) -> tuple[str, Try]:
    def call(client: Any, house: House) -> Any:
        package = [{"ModelPackageName": house.model.version.arn}]
        arn = house.rights.arn_of(role)
        return client.create_model(ModelName=name, Containers=package, ExecutionRoleArn=arn)

    return "sagemaker", call


def start_job(name: str) -> tuple[str, Try]:
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://somewhere/"}}
    return calling(
        "sagemaker",
        "create_transform_job",
        TransformJobName=name,
        ModelName="dropscore-any",
        TransformInput={"DataSource": source},
        TransformOutput={"S3OutputPath": "s3://somewhere/"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )


def approve() -> tuple[str, Try]:
    return "sagemaker", lambda client, house: client.update_model_package(
        ModelPackageArn=house.model.version.arn, ModelApprovalStatus="Approved"
    )


def announce(source: str) -> tuple[str, Try]:
    return calling(
        "events", "put_events", Entries=[{"Source": source, "DetailType": "Drop Scored", "Detail": "{}"}]
    )


TO_NOBODY = {
    "delete results": delete("ResultsBucket", "predictions/any.parquet"),
    "delete rejects": delete("ResultsBucket", "rejects/any.parquet"),
    "delete drops": delete("InboxBucket", "any.parquet"),
    "delete models": delete("ModelsBucket", "any/model.tar.gz"),
    "delete work": delete("WorkBucket", "features/any.csv"),
    "write the inbox": put("InboxBucket", "any.parquet"),
    "write models": put("ModelsBucket", "dropscore/any/model.tar.gz"),
    "write anywhere in the results": put("ResultsBucket", "elsewhere/any.parquet"),
    "write anywhere in the work bucket": put("WorkBucket", "elsewhere/any"),
    "admit the public": calling("s3", "delete_public_access_block", Bucket="{ResultsBucket}"),
    "change a bucket's policy": calling("s3", "delete_bucket_policy", Bucket="{ResultsBucket}"),
    "scan the ledger": calling("dynamodb", "scan", TableName="{LedgerTable}"),
    "forget a drop": calling(
        "dynamodb", "delete_item", TableName="{LedgerTable}", Key={"pk": {"S": "drop#any"}}
    ),
    "drop the ledger": calling("dynamodb", "delete_table", TableName="{LedgerTable}"),
    "read another table": calling("dynamodb", "get_item", TableName="other", Key={"pk": {"S": "any"}}),
    "write another table": calling("dynamodb", "put_item", TableName="other", Item={"pk": {"S": "any"}}),
    "send to a dead letter queue": send("InboxDlq"),
    "read a dead letter queue": receive("CollectDlq"),
    "purge a queue": calling("sqs", "purge_queue", QueueUrl="{InboxQueue}"),
    "change its own rights": calling(
        "iam", "put_role_policy", RoleName="{PrepareRole}", PolicyName="more", PolicyDocument="{PrepareRole}"
    ),
    "take on another role": calling(
        "sts",
        "assume_role",
        RoleArn="arn:aws:iam::123456789012:role/administrator",
        RoleSessionName="any",
    ),
    "run a function": calling("lambda", "invoke", FunctionName="{PrepareFunction}"),
    "change a function's code": calling(
        "lambda", "update_function_code", FunctionName="{PrepareFunction}", S3Bucket="any", S3Key="any"
    ),
    "announce in another's name": announce("aws.sagemaker"),
    "approve a model": approve(),
    "delete a model": calling("sagemaker", "delete_model", ModelName="dropscore-any"),
    "start a job of another stack": start_job("other-job"),
    "make a model of another stack": make_model("other-model", "TransformRole"),
    "read another stack's job": calling("sagemaker", "describe_transform_job", TransformJobName="other-job"),
    "read another group's model": calling(
        "sagemaker",
        "describe_model_package",
        ModelPackageName="arn:aws:sagemaker:us-east-1:123456789012:model-package/other/1",
    ),
    "ask another endpoint": calling(
        "sagemaker-runtime", "invoke_endpoint", EndpointName="other", Body=b"1", ContentType="text/csv"
    ),
    "delete the endpoint": calling("sagemaker", "delete_endpoint", EndpointName="dropscore"),
    "have the endpoint serve something else": calling(
        "sagemaker", "update_endpoint", EndpointName="dropscore", EndpointConfigName="other"
    ),
    "write another log": calling("logs", "create_log_stream", logGroupName="/any", logStreamName="any"),
}

NO_DATA = {
    "read drops": get("InboxBucket", "any.parquet"),
    "read shards": get("WorkBucket", "features/any.csv"),
    "write shards": put("WorkBucket", "features/any.csv"),
    "read results": get("ResultsBucket", "predictions/any.parquet"),
    "write results": put("ResultsBucket", "predictions/any.parquet"),
    "read the ledger": calling("dynamodb", "get_item", TableName="{LedgerTable}", Key={"pk": {"S": "any"}}),
    "tell prepare what to do": send("InboxQueue"),
    "announce": announce("dropscore"),
    "make a model": make_model("dropscore-any", "TransformRole"),
    "make a model for the endpoint": make_model("dropscore-any", "EndpointRole"),
    "start a job": start_job("dropscore-any"),
}
"""Predictions in real time have nothing to do with drops."""

TO_ONE = {
    "PrepareRole": {
        "read shards": get("WorkBucket", "features/any.csv"),
        "read outputs": get("WorkBucket", "transform/any/any.out"),
        "write outputs": put("WorkBucket", "transform/any/any.out"),
        "read rejects": get("ResultsBucket", "rejects/any.parquet"),
        "list results": listing("ResultsBucket"),
        "list the work bucket": listing("WorkBucket"),
        "poll the other queue": receive("CollectQueue"),
        "tell collect what to do": send("CollectQueue"),
        "stop a job": calling("sagemaker", "stop_transform_job", TransformJobName="dropscore-any"),
        "give the job its own role": make_model("dropscore-any", "PrepareRole"),
        "give the job a third role": make_model("dropscore-any", "CollectRole"),
        "write the sweep's log": calling(
            "logs", "create_log_stream", logGroupName="{SweepLogs}", logStreamName="any"
        ),
    },
    "CollectRole": {
        "read drops": get("InboxBucket", "any.parquet"),
        "read models": get("ModelsBucket", "dropscore/any/model.tar.gz"),
        "list models": listing("ModelsBucket"),
        "read shards": get("WorkBucket", "features/any.csv"),
        "write shards": put("WorkBucket", "features/any.csv"),
        "write contexts": put("WorkBucket", "context/any"),
        "write manifests": put("WorkBucket", "manifests/any.json"),
        "write outputs": put("WorkBucket", "transform/any/any.out"),
        "list results": listing("ResultsBucket"),
        "plan a job": calling(
            "dynamodb", "put_item", TableName="{LedgerTable}", Item={"pk": {"S": "job#any"}}
        ),
        "query the ledger": calling(
            "dynamodb",
            "query",
            TableName="{LedgerTable}",
            IndexName="work",
            KeyConditionExpression="#w = :w",
            ExpressionAttributeNames={"#w": "work"},
            ExpressionAttributeValues={":w": {"S": "any"}},
        ),
        "poll the other queue": receive("InboxQueue"),
        "make a model": make_model("dropscore-any", "TransformRole"),
        "start a job": start_job("dropscore-any"),
        "stop a job": calling("sagemaker", "stop_transform_job", TransformJobName="dropscore-any"),
        "list models' versions": calling(
            "sagemaker", "list_model_packages", ModelPackageGroupName="dropscore"
        ),
    },
    "SweepRole": {
        "read drops": get("InboxBucket", "any.parquet"),
        "list drops": listing("InboxBucket"),
        "read results": get("ResultsBucket", "predictions/any.parquet"),
        "write results": put("ResultsBucket", "predictions/any.parquet"),
        "write shards": put("WorkBucket", "features/any.csv"),
        "read outputs": get("WorkBucket", "transform/any/any.out"),
        "poll a queue": receive("InboxQueue"),
        "give the job its own role": make_model("dropscore-any", "SweepRole"),
    },
    "ResultsApiRole": {
        "write results": put("ResultsBucket", "predictions/any.parquet"),
        "write rejects": put("ResultsBucket", "rejects/any.parquet"),
        "read the results of others": get("ResultsBucket", "elsewhere/any.parquet"),
        "read drops": get("InboxBucket", "any.parquet"),
        "read shards": get("WorkBucket", "features/any.csv"),
        "write shards": put("WorkBucket", "features/any.csv"),
        "read models": get("ModelsBucket", "dropscore/any/model.tar.gz"),
        "change a drop": calling(
            "dynamodb",
            "update_item",
            TableName="{LedgerTable}",
            Key={"pk": {"S": "drop#any"}},
            UpdateExpression="SET a = :a",
            ExpressionAttributeValues={":a": {"S": "any"}},
        ),
        "plan a job": calling(
            "dynamodb", "put_item", TableName="{LedgerTable}", Item={"pk": {"S": "job#any"}}
        ),
        "change many drops": calling(
            "dynamodb",
            "batch_write_item",
            RequestItems={"ledger": [{"PutRequest": {"Item": {"pk": {"S": "drop#any"}}}}]},
        ),
        "see what is to be done": calling(
            "dynamodb",
            "query",
            TableName="{LedgerTable}",
            IndexName="work",
            KeyConditionExpression="#w = :w",
            ExpressionAttributeNames={"#w": "work"},
            ExpressionAttributeValues={":w": {"S": "any"}},
        ),
        "tell prepare what to do": send("InboxQueue"),
        "tell collect what to do": send("CollectQueue"),
        "poll a queue": receive("InboxQueue"),
        "announce": announce("dropscore"),
        "make a model": make_model("dropscore-any", "TransformRole"),
        "start a job": start_job("dropscore-any"),
        "stop a job": calling("sagemaker", "stop_transform_job", TransformJobName="dropscore-any"),
        "read a job": calling("sagemaker", "describe_transform_job", TransformJobName="dropscore-any"),
        "write a topic": calling("sns", "publish", TopicArn="{AlarmTopic}", Message="any"),
        "write prepare's log": calling(
            "logs", "create_log_stream", logGroupName="{PrepareLogs}", logStreamName="any"
        ),
        "write the access log": calling(
            "logs", "create_log_stream", logGroupName="{ResultsApiAccessLogs}", logStreamName="any"
        ),
        "open the api": calling("apigatewayv2", "update_api", ApiId="{ResultsApi}", Name="any"),
        "change the table": calling(
            "glue", "delete_table", DatabaseName="{ResultsDatabase}", Name="{PredictionsTable}"
        ),
    },
    "PredictRole": {
        **NO_DATA,
        "read models": get("ModelsBucket", "dropscore/any/model.tar.gz"),
        "read the specs of another group": get("ModelsBucket", "other/endpoint/any.json"),
        "list models": listing("ModelsBucket"),
        "write specs": put("ModelsBucket", "dropscore/endpoint/any.json"),
        "list models' versions": calling(
            "sagemaker", "list_model_packages", ModelPackageGroupName="dropscore"
        ),
        "look at a version": (
            "sagemaker",
            lambda client, house: client.describe_model_package(ModelPackageName=house.model.version.arn),
        ),
        "look at the endpoint": calling("sagemaker", "describe_endpoint", EndpointName="dropscore"),
        "write the results api's log": calling(
            "logs", "create_log_stream", logGroupName="{ResultsApiLogs}", logStreamName="any"
        ),
    },
    "EndpointRole": {
        **NO_DATA,
        "ask itself": calling(
            "sagemaker-runtime",
            "invoke_endpoint",
            EndpointName="dropscore",
            Body=b"1",
            ContentType="text/csv",
        ),
        "write specs": put("ModelsBucket", "dropscore/endpoint/any.json"),
        "write a function's log": calling(
            "logs", "create_log_stream", logGroupName="{PredictLogs}", logStreamName="any"
        ),
        "write another endpoint's log": calling(
            "logs", "create_log_group", logGroupName="/aws/sagemaker/Endpoints/other"
        ),
    },
    "TransformRole": {
        "read drops": get("InboxBucket", "any.parquet"),
        "read contexts": get("WorkBucket", "context/any/1/rows.parquet"),
        "read results": get("ResultsBucket", "predictions/any.parquet"),
        "write results": put("ResultsBucket", "predictions/any.parquet"),
        "write shards": put("WorkBucket", "features/any.csv"),
        "write contexts": put("WorkBucket", "context/any"),
        "read the ledger": calling(
            "dynamodb", "get_item", TableName="{LedgerTable}", Key={"pk": {"S": "any"}}
        ),
        "tell prepare what to do": send("InboxQueue"),
        "announce": announce("dropscore"),
        "start a job": start_job("dropscore-any"),
        "make a model": make_model("dropscore-any", "TransformRole"),
        "write a function's log": calling(
            "logs", "create_log_stream", logGroupName="{PrepareLogs}", logStreamName="any"
        ),
    },
}


OWN = {
    "EndpointRole": listing("ModelsBucket"),
    "PredictRole": read_a_spec(),
    "PrepareRole": listing("InboxBucket"),
    "CollectRole": listing("WorkBucket"),
    "SweepRole": listing("ModelsBucket"),
    "ResultsApiRole": listing("ResultsBucket"),
    "TransformRole": listing("WorkBucket"),
}
"""What each role may do: the credentials are good."""


@pytest.mark.parametrize("role", ROLES)
def test_it_may_not(built_house: House, role: str) -> None:
    client_of, allowed = built_house.rights.clients_of(role), []
    for what, (service, attempt) in {**TO_NOBODY, **TO_ONE[role]}.items():
        try:
            attempt(client_of(service), built_house)
        except ClientError as error:
            if not error.response["Error"]["Code"].startswith(("AccessDenied", "AuthorizationError")):
                allowed.append(f"{what}: {error}")
        else:
            allowed.append(what)
    assert allowed == []


@pytest.mark.parametrize(("role", "allowed"), OWN.items())
def test_it_is_itself_that_is_denied(built_house: House, role: str, allowed: tuple[str, Try]) -> None:
    service, attempt = allowed
    attempt(built_house.rights.clients_of(role)(service), built_house)


def test_a_result_is_not_replaced_not_even_by_who_may_write_results(built_house: House) -> None:
    s3 = built_house.rights.clients_of("CollectRole")("s3")
    place = {"Bucket": built_house.ids["ResultsBucket"], "Key": "predictions/once.parquet"}
    s3.put_object(**place, Body=b"first", IfNoneMatch="*")

    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(**place, Body=b"second")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(**place, Body=b"second", IfNoneMatch="*")

    assert s3.get_object(**place)["Body"].read() == b"first"


def test_rejects_may_be_written_again(built_house: House) -> None:
    s3 = built_house.rights.clients_of("CollectRole")("s3")
    for body in (b"first", b"second"):
        s3.put_object(Bucket=built_house.ids["ResultsBucket"], Key="rejects/again.parquet", Body=body)


@pytest.mark.parametrize("key", ["dropscore/once/model.tar.gz", "elsewhere"])
def test_a_model_is_not_replaced_not_even_by_an_administrator(built_house: House, key: str) -> None:
    s3 = built_house.rights.administrator().client("s3")
    place = {"Bucket": built_house.ids["ModelsBucket"], "Key": key}
    s3.put_object(**place, Body=b"first", IfNoneMatch="*")

    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(**place, Body=b"second")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.copy_object(**place, CopySource=place, MetadataDirective="REPLACE")


def test_a_model_of_many_parts_is_written_once_too(built_house: House) -> None:
    s3 = built_house.rights.administrator().client("s3")
    place = {"Bucket": built_house.ids["ModelsBucket"], "Key": "dropscore/parts/model.tar.gz"}
    upload = s3.create_multipart_upload(**place)["UploadId"]
    etag = s3.upload_part(**place, UploadId=upload, PartNumber=1, Body=b"a part")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}

    with pytest.raises(ClientError, match="AccessDenied"):
        s3.complete_multipart_upload(**place, UploadId=upload, MultipartUpload=parts)

    s3.complete_multipart_upload(**place, UploadId=upload, MultipartUpload=parts, IfNoneMatch="*")
