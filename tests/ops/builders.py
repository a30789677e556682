"""What the tests of the operator's commands put into a stack, and clients that answer as they are told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.exceptions import ClientError

from dropscore.domain.source import Source
from ops.connection import PATIENCE
from ops.stack import Stack

REGION = "eu-central-1"
PARAMETERS = {
    "InstanceType": "ml.m5.large",
    "MinInstances": "1",
    "MaxInstances": "1",
    "PrepareConcurrency": "5",
    "CollectConcurrency": "4",
    "JobMaxDrops": "100",
    "JobWindowSeconds": "60",
    "MaxRunningJobs": "4",
    "MaxJobsPerDay": "200",
    "Paused": "false",
    "ModelPackageGroupName": "dropscore",
    "AlarmEmail": "operator@example.com",
}


def error(operation: str, code: str, message: str = "because") -> ClientError:
    told = {"Error": {"Code": code, "Message": message}}
    return ClientError(told, operation)


@dataclass
class FakeConnection:
    """A connection whose clients a test has made; every other one is refused."""

    clients: Mapping[str, Any]
    embedded: bool = False
    region: str = REGION
    stack_name: str = "dropscore"
    endpoint_url: str | None = None
    signed_in: bool = True

    def client(self, service: str, config: object = PATIENCE) -> Any:
        del config
        return self.clients[service]


def real_client(service: str) -> Any:
    """A client for botocore's Stubber, which checks what is asked and answered against its model."""
    return boto3.Session("testing", "testing", region_name=REGION).client(service)


@dataclass
class World:
    """The stack, and what files there are in it."""

    stack: Stack
    versions: dict[str, str] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        return self.stack.connection.client(service)

    def put(self, key: str, body: bytes = b"PAR1", **more: Any) -> Source:
        """Put a file into the inbox, which nobody hears of; what its drop would be."""
        version = self.client("s3").put_object(Bucket="inbox", Key=key, Body=body, **more)["VersionId"]
        return Source("inbox", key, version)

    def count_no_drops(self, ago: timedelta, **counts: int) -> None:
        """Have CloudWatch count objects that are no drops, by the metrics' names."""
        at, dimensions = datetime.now(UTC) - ago, [{"Name": "service", "Value": "dropscore"}]
        data = [
            {"MetricName": name, "Dimensions": dimensions, "Timestamp": at, "Value": value}
            for name, value in counts.items()
        ]
        self.client("cloudwatch").put_metric_data(Namespace="Dropscore/dropscore", MetricData=data)

    def bodies(self, queue: str) -> list[str]:
        """What is in a queue, taken out of it."""
        found: list[str] = []
        url = self.stack.resource(queue)
        while (
            told := self.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages")
        ):
            found += [message["Body"] for message in told]
            for message in told:
                self.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def send(self, queue: str, *bodies: Any) -> None:
        for body in bodies:
            text = body if isinstance(body, str) else json.dumps(body)
            self.client("sqs").send_message(QueueUrl=self.stack.resource(queue), MessageBody=text)

    def with_clients(self, **clients: Any) -> Stack:
        """The same stack, but for some clients (`lambda_` stands for `lambda`)."""
        made = {name.rstrip("_"): client for name, client in clients.items()}
        stack = self.stack

        def client(service: str, config: object = PATIENCE) -> Any:
            del config
            return made[service] if service in made else stack.connection.client(service)

        connection: Any = SimpleNamespace(client=client, region=REGION, embedded=False, stack_name=stack.name)
        return Stack(
            connection, stack.name, stack.status, "", stack.parameters, stack.outputs, stack.resources
        )


class Body:
    """The payload of a Lambda answer."""

    def __init__(self, told: Any) -> None:
        self._told = told

    def read(self) -> bytes:
        return json.dumps(self._told).encode()


class SweepDouble:
    """SweepFunction as it answers an operator; notes what it was asked."""

    def __init__(self, answers: Mapping[str, str] | None = None, failure: str | None = None) -> None:
        self.asked: list[dict[str, Any]] = []
        self._answers = answers or {}
        self._failure = failure

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - boto3's names
        assert FunctionName == "sweep"
        request = json.loads(Payload)
        self.asked.append(request)
        if self._failure:
            return {"FunctionError": "Unhandled", "Payload": Body({"errorMessage": self._failure})}
        if "release" in request:
            return {"Payload": Body({"release": {request["release"]: "scores again"}})}
        told = {
            name: self._answers.get(name, "WAITING, to be prepared and scored anew")
            for name in request["retry"]
        }
        return {"Payload": Body({"retry": told})}
