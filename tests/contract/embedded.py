"""The real adapters in front of the embedded AWS, and what the contract's tests do and see around them."""

from __future__ import annotations

import itertools
import json
from functools import cached_property
from typing import Any

from dropscore.aws.events import Events
from dropscore.aws.ledger import Table
from dropscore.aws.objects import Bucket, Inbox
from dropscore.aws.queues import Queues
from dropscore.aws.registry import Registry
from dropscore.aws.transforms import Transforms, TransformSettings
from dropscore.domain.job import Outcome
from local.server_process import ServerProcess
from tests.contract.in_memory import FAILURE
from tests.local.builders import ENVIRONMENT, IMAGE, eventually, model_archive
from tests.service.builders import create_ledger_table

_numbers = itertools.count(1)
ROLE = "transform"
MODEL = "model.tar.gz"
PAGE = 3
"""Keys in a page of a bucket's listing; S3 has up to 1,000 in one, and gives fewer when it likes."""


class EmbeddedSide:
    """Makes the real adapters; services keep what others have made, so all names are new."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        events = server.client("s3").meta.events
        events.register("provide-client-params.s3.ListObjectsV2", _small_pages)

    def table(self) -> Table:
        """The one table; what a test writes has keys of its own."""
        return self._table

    def bucket(self) -> Bucket:
        return Bucket(self.server.client("s3"), self._new_bucket())

    def inbox(self, *, versioned: bool = True) -> EmbeddedInbox:
        name = self._new_bucket()
        if versioned:
            status = {"Status": "Enabled"}
            self.server.client("s3").put_bucket_versioning(Bucket=name, VersioningConfiguration=status)
        return EmbeddedInbox(self.server.client("s3"), name)

    def queues(self) -> EmbeddedQueues:
        return EmbeddedQueues(self.server.client("sqs"))

    def events(self) -> EmbeddedEvents:
        return EmbeddedEvents(self.server)

    def sagemaker(self) -> EmbeddedSageMaker:
        return EmbeddedSageMaker(self.server, self._role, self.bucket())

    @cached_property
    def _table(self) -> Table:
        create_ledger_table(self.server.client("dynamodb"))
        return Table(self.server.client("dynamodb"), "ledger")

    @cached_property
    def _role(self) -> str:
        """A role that SageMaker may assume and that may do anything with objects."""
        trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}}
        iam = self.server.client("iam")
        answer = iam.create_role(
            RoleName=ROLE, AssumeRolePolicyDocument=_policy({**trust, "Action": "sts:AssumeRole"})
        )
        everything = {"Effect": "Allow", "Action": ["s3:*", "logs:*"], "Resource": "*"}
        iam.put_role_policy(RoleName=ROLE, PolicyName="p", PolicyDocument=_policy(everything))
        return answer["Role"]["Arn"]

    def _new_bucket(self) -> str:
        name = f"bucket-{next(_numbers)}"
        self.server.client("s3").create_bucket(Bucket=name)
        return name


class EmbeddedInbox(Inbox):
    """The inbox, and who drops files into it."""

    def put(self, key: str, body: bytes) -> str:
        answer = self._client.put_object(Bucket=self.bucket, Key=key, Body=body)
        return answer.get("VersionId") or answer["ETag"].strip('"')

    def delete(self, key: str, version: str) -> None:
        self._client.delete_object(Bucket=self.bucket, Key=key, VersionId=version)

    def hide(self, key: str) -> str:
        return self._client.delete_object(Bucket=self.bucket, Key=key).get("VersionId", "")


class EmbeddedQueues:
    """The two queues, and who receives from them."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._urls = {
            name: client.create_queue(QueueName=f"{name}-{next(_numbers)}")["QueueUrl"]
            for name in ("inbox", "collect")
        }
        self.adapter = Queues(client, self._urls["inbox"], self._urls["collect"])

    def received(self, queue: str) -> list[str]:
        """The bodies of all messages that can be seen now; they are hidden then."""
        bodies: list[str] = []
        while messages := self._receive(queue):
            bodies += [message["Body"] for message in messages]
        return bodies

    def _receive(self, queue: str) -> list[Any]:
        answer = self._client.receive_message(QueueUrl=self._urls[queue], MaxNumberOfMessages=10)
        return answer.get("Messages", [])


class EmbeddedEvents:
    """EventBridge, and a queue that a rule sends our events to."""

    def __init__(self, server: ServerProcess) -> None:
        name = f"events-{next(_numbers)}"
        self._sqs, client = server.client("sqs"), server.client("events")
        self._queue = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])
        arn = attributes["Attributes"]["QueueArn"]
        admitted = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Resource": arn}
        policy = _policy({**admitted, "Action": "sqs:SendMessage"})
        self._sqs.set_queue_attributes(QueueUrl=self._queue, Attributes={"Policy": policy})
        client.put_rule(Name=name, EventPattern=json.dumps({"source": ["dropscore"]}))
        client.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
        self._refused = 0
        self.adapter = Events(client)
        client.meta.events.register("provide-client-params.events.PutEvents", self._spoil, name)

    def refuse_next(self, number: int) -> None:
        self._refused = number

    def told(self, number: int) -> list[tuple[str, dict[str, Any]]]:
        """The first `number` events that have come through, each its detail type and detail."""
        events: list[Any] = []

        def arrived() -> bool:
            answer = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10)
            events.extend(json.loads(message["Body"]) for message in answer.get("Messages", []))
            return len(events) >= number

        eventually(arrived)
        return [(event["detail-type"], event["detail"]) for event in events]

    def _spoil(self, params: dict[str, Any], **_: Any) -> None:
        """Put some entries in AWS's own name, which EventBridge refuses each by itself."""
        for entry in params["Entries"][: self._refused]:
            entry["Source"] = "aws.dropscore"
            self._refused -= 1


class EmbeddedSageMaker:
    """Registry and transforms, and who registers, approves and runs."""

    def __init__(self, server: ServerProcess, role: str, work: Bucket) -> None:
        self._server = server
        self._client = server.client("sagemaker")
        group = self._new_group(f"group-{next(_numbers)}")
        settings = TransformSettings(role, "ml.m5.large", 6, 1, kms_key_arn=None)
        self.work = work
        self.registry = Registry(self._client, group)
        self.transforms = Transforms(self._client, settings)

    def register(
        self,
        approval: str = "Approved",
        group: str | None = None,
        image: str = IMAGE,
        *,
        environment: dict[str, str] = ENVIRONMENT,
        **metadata: str,
    ) -> str:
        """Register the next version of the group (or of another); its ARN."""
        self.work.put(MODEL, model_archive(), "application/gzip")
        container = {"Image": image, "ModelDataUrl": self.work.uri(MODEL), "Environment": environment}
        types = {"SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
        answer = self._client.create_model_package(
            ModelPackageGroupName=self._new_group(group) if group else self.registry.group,
            ModelApprovalStatus=approval,
            InferenceSpecification={"Containers": [container], **types},
            **({"CustomerMetadataProperties": metadata} if metadata else {}),
        )
        return answer["ModelPackageArn"]

    def decide(self, arn: str, approval: str) -> None:
        self._client.update_model_package(ModelPackageArn=arn, ModelApprovalStatus=approval)

    def delete(self, arn: str) -> None:
        self._client.delete_model_package(ModelPackageName=arn)

    def package_of(self, model: str) -> str:
        containers = self._client.describe_model(ModelName=model)["Containers"]
        return containers[0]["ModelPackageName"]

    def put_shard(self, drop_id: str, rows: list[int], *, poison: bool = False) -> str:
        """Write a shard; its place in a manifest."""
        place = f"{drop_id}/1/{drop_id}-1-00000.csv"
        cell = "not a number" if poison else "2"
        body = "".join(f"{row},1.5,{cell}\n" for row in rows)
        self.work.put(f"features/{place}", body.encode(), "text/csv")
        return place

    def hold_jobs(self) -> None:
        """Jobs do not end by themselves for now."""
        self._server.change_faults(job_delay_seconds=3600)

    def fail_jobs(self) -> None:
        """The next job puts out nothing and fails."""
        self._server.change_faults(fail_jobs=1, failure_reason=FAILURE)

    def allow_instances(self, number: int) -> None:
        """The account's quota, whatever runs already."""
        self._server.change_faults(instance_quota=number)

    def throttle(self, operation: str) -> None:
        """The next call of an operation is throttled."""
        self._server.change_faults(throttle={operation: 1})

    def ended(self, name: str) -> Outcome:
        """How the job has ended, once it has."""

        def outcome() -> Outcome | None:
            status = self.transforms.describe(name)
            return status and status.outcome

        return eventually(outcome)

    def _new_group(self, name: str) -> str:
        self._client.create_model_package_group(ModelPackageGroupName=name)
        return name


def _small_pages(params: dict[str, Any], **_: Any) -> dict[str, Any]:
    return {**params, "MaxKeys": PAGE}


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
