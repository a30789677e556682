"""The stack, found through CloudFormation."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from ops.errors import NoStack
from ops.stack import find_stack, look_for_stack
from tests.ops.builders import FakeConnection, real_client

CREATED = "2026-11-22T16:00:00Z"


@pytest.fixture
def asked():
    client = real_client("cloudformation")
    with Stubber(client) as stubber:
        yield FakeConnection({"cloudformation": client}), stubber
        stubber.assert_no_pending_responses()


def described(status="UPDATE_COMPLETE", **more):
    return {"Stacks": [{"StackName": "dropscore", "CreationTime": CREATED, "StackStatus": status, **more}]}


def resource(name, physical=None):
    told = {
        "LogicalResourceId": name,
        "ResourceType": "AWS::SQS::Queue",
        "LastUpdatedTimestamp": CREATED,
        "ResourceStatus": "CREATE_COMPLETE",
    }
    return {**told, "PhysicalResourceId": physical} if physical else told


def test_parameters_outputs_and_all_pages_of_resources_are_found(asked):
    connection, stubber = asked
    told = described(
        Parameters=[{"ParameterKey": "Paused", "ParameterValue": "true"}],
        Outputs=[{"OutputKey": "InboxBucketName", "OutputValue": "in"}],
    )
    stubber.add_response("describe_stacks", told, {"StackName": "dropscore"})
    stubber.add_response(
        "list_stack_resources", {"StackResourceSummaries": [resource("InboxBucket", "in")], "NextToken": "2"}
    )
    stubber.add_response(
        "list_stack_resources", {"StackResourceSummaries": [resource("InboxQueue", "q"), resource("Failed")]}
    )

    stack = find_stack(connection)

    assert (stack.inbox, stack.paused, stack.status) == ("in", True, "UPDATE_COMPLETE")
    assert stack.resource("InboxQueue") == "q"
    assert stack.outputs == {"InboxBucketName": "in"}
    with pytest.raises(NoStack, match="has no Failed"):
        stack.resource("Failed")


def test_a_stack_that_does_not_exist_is_none_and_the_way_to_another_is_said(asked):
    connection, stubber = asked
    for _ in range(2):
        stubber.add_client_error(
            "describe_stacks", "ValidationError", "Stack with id dropscore does not exist"
        )

    assert look_for_stack(connection) is None
    with pytest.raises(NoStack, match="--stack-name"):
        find_stack(connection)


def test_a_permission_that_lacks_is_not_taken_for_a_stack_that_does_not_exist(asked):
    connection, stubber = asked
    stubber.add_client_error("describe_stacks", "AccessDenied")

    with pytest.raises(ClientError, match="AccessDenied"):
        look_for_stack(connection)


def test_a_deleted_stack_is_none(asked):
    connection, stubber = asked
    stubber.add_response("describe_stacks", described("DELETE_COMPLETE"))

    assert look_for_stack(connection) is None
