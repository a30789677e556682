"""SageMaker in IAM and CloudFormation, and what Dropscore relies on of DynamoDB and SQS."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from tests.local.builders import eventually, principal, unique

WAIT = {"Delay": 0.1, "MaxAttempts": 200}


def create_stack(aws: Any, properties: dict[str, Any]) -> str:
    name = unique("stack")
    resource = {"Type": "AWS::SageMaker::ModelPackageGroup", "Properties": properties}
    template = {
        "Resources": {"G": resource},
        "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["G", "ModelPackageGroupArn"]}}},
    }
    aws.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(template))
    aws.client("cloudformation").get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=WAIT)
    return name


def test_a_template_creates_and_deletes_a_model_package_group(aws: Any) -> None:
    group, cloudformation = unique("group"), aws.client("cloudformation")

    stack = create_stack(aws, {"ModelPackageGroupName": group, "ModelPackageGroupDescription": "d"})

    described = aws.client("sagemaker").describe_model_package_group(ModelPackageGroupName=group)
    output = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["Outputs"][0]["OutputValue"]
    assert described["ModelPackageGroupArn"] == output
    cloudformation.delete_stack(StackName=stack)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig=WAIT)
    with pytest.raises(ClientError, match="does not exist"):
        aws.client("sagemaker").describe_model_package_group(ModelPackageGroupName=group)


def test_an_unknown_property_of_a_sagemaker_type_is_refused(aws: Any) -> None:
    with pytest.raises(WaiterError):
        create_stack(aws, {"ModelPackageGroupName": unique("group"), "Descripton": "misspelt"})


def test_a_group_that_is_there_already_fails_the_stack(aws: Any) -> None:
    with pytest.raises(WaiterError):
        create_stack(aws, {"ModelPackageGroupName": "toy-group"})


ARN = "arn:aws:sagemaker:us-east-1:123456789012"


@pytest.mark.parametrize(
    ("action", "resource", "is_allowed"),
    [
        ("sagemaker:DescribeTransformJob", f"{ARN}:transform-job/mine-*", True),
        ("sagemaker:DescribeTransformJob", f"{ARN}:transform-job/other-*", False),
        ("sagemaker:DescribeModel", f"{ARN}:transform-job/mine-*", False),
    ],
)
def test_sagemaker_is_subject_to_iam_by_action_and_lower_case_name(
    aws: Any, action: str, resource: str, is_allowed: bool
) -> None:
    sagemaker = principal(aws, {"Action": action, "Resource": resource}).client("sagemaker")

    with pytest.raises(ClientError) as refused:
        sagemaker.describe_transform_job(TransformJobName="Mine-1")

    assert refused.value.response["Error"]["Code"] == (
        "ValidationException" if is_allowed else "AccessDeniedException"
    )


def test_an_endpoint_is_not_open_to_everybody(aws: Any) -> None:
    runtime = principal(aws, {"Action": "s3:GetObject", "Resource": "*"}).client("sagemaker-runtime")

    with pytest.raises(ClientError, match="AccessDenied"):
        runtime.invoke_endpoint(EndpointName="e", Body=b"1")


@pytest.fixture(scope="module")
def table(embedded: Any) -> str:
    name = unique("table")
    embedded.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    return name


def put(aws: Any, table: str, pk: str, **more: Any) -> None:
    aws.client("dynamodb").put_item(TableName=table, Item={"pk": {"S": pk}, "state": {"S": "A"}}, **more)


def test_a_failed_condition_shows_the_item_that_is_there(aws: Any, table: str) -> None:
    put(aws, table, "one")

    with pytest.raises(ClientError) as refused:
        put(
            aws,
            table,
            "one",
            ConditionExpression="attribute_not_exists(pk)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    assert refused.value.response["Error"]["Code"] == "ConditionalCheckFailedException"
    assert refused.value.response["Item"] == {"pk": {"S": "one"}, "state": {"S": "A"}}


def test_a_cancelled_transaction_says_why_for_each_item_and_changes_nothing(aws: Any, table: str) -> None:
    put(aws, table, "two")

    def update(pk: str, condition: str) -> dict[str, Any]:
        return {
            "Update": {
                "TableName": table,
                "Key": {"pk": {"S": pk}},
                "UpdateExpression": "SET #s = :b",
                "ConditionExpression": condition,
                "ExpressionAttributeNames": {"#s": "state"},
                "ExpressionAttributeValues": {":b": {"S": "B"}},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    with pytest.raises(ClientError) as refused:
        aws.client("dynamodb").transact_write_items(
            TransactItems=[update("new", "attribute_not_exists(pk)"), update("two", "#s = :b")]
        )

    reasons = refused.value.response["CancellationReasons"]
    assert refused.value.response["Error"]["Code"] == "TransactionCanceledException"
    assert [reason["Code"] for reason in reasons] == ["None", "ConditionalCheckFailed"]
    assert reasons[1]["Item"] == {"pk": {"S": "two"}, "state": {"S": "A"}}
    assert "Item" not in aws.client("dynamodb").get_item(TableName=table, Key={"pk": {"S": "new"}})


def test_many_items_are_read_in_one_call(aws: Any, table: str) -> None:
    for number in range(100):
        put(aws, table, f"many-{number}")
    keys = [{"pk": {"S": f"many-{number}"}} for number in [*range(99), 1000]]

    answer = aws.client("dynamodb").batch_get_item(
        RequestItems={table: {"Keys": keys, "ConsistentRead": True}}
    )

    assert len(answer["Responses"][table]) == 99
    assert answer["UnprocessedKeys"] == {}


def test_the_permission_to_send_covers_batches(aws: Any) -> None:
    queue = aws.client("sqs").create_queue(QueueName=unique())["QueueUrl"]
    entries = [{"Id": "1", "MessageBody": "x"}]
    sender = principal(aws, {"Action": "sqs:SendMessage", "Resource": "*"}).client("sqs")
    reader = principal(aws, {"Action": "sqs:ReceiveMessage", "Resource": "*"}).client("sqs")

    assert sender.send_message_batch(QueueUrl=queue, Entries=entries)["Successful"]
    with pytest.raises(ClientError, match="AccessDenied"):
        reader.send_message_batch(QueueUrl=queue, Entries=entries)


def test_a_delayed_message_is_not_seen_before_its_time(aws: Any) -> None:
    sqs, queue = aws.client("sqs"), aws.client("sqs").create_queue(QueueName=unique())["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="later", DelaySeconds=1)

    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
    assert eventually(lambda: sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=2).get("Messages"))
