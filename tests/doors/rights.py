"""The rights of a running stack's roles: taken away for a while, and used."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from local.stack import LocalStack
from tests.doors.grants import Grant, without
from tests.local.builders import Principal, principal


class Rights:
    """What the roles of a stack may do; `ids` are the physical ids of its resources."""

    def __init__(self, stack: LocalStack, ids: Mapping[str, str]) -> None:
        self.stack = stack
        self.ids = ids
        self.iam = stack.client("iam")

    def arn_of(self, role: str) -> str:
        return self.iam.get_role(RoleName=self.ids[role])["Role"]["Arn"]

    @contextlib.contextmanager
    def without(self, grant: Grant) -> Iterator[None]:
        """The stack while a role lacks one thing that it is granted."""
        take = self._take_from_managed_policy if grant.managed else self._take_from_role
        with take(grant):
            yield

    @contextlib.contextmanager
    def _take_from_role(self, grant: Grant) -> Iterator[None]:
        place = {"RoleName": self.ids[grant.role], "PolicyName": grant.policy}
        whole = self.iam.get_role_policy(**place)["PolicyDocument"]
        self.iam.put_role_policy(**place, PolicyDocument=json.dumps(without(whole, grant)))
        try:
            yield
        finally:
            self.iam.put_role_policy(**place, PolicyDocument=json.dumps(whole))

    @contextlib.contextmanager
    def _take_from_managed_policy(self, grant: Grant) -> Iterator[None]:
        arn = self.ids[grant.policy]
        version = self.iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        whole = self.iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        self._replace_managed_policy(arn, without(whole, grant))
        try:
            yield
        finally:
            self._replace_managed_policy(arn, whole)

    def _replace_managed_policy(self, arn: str, document: dict[str, Any]) -> None:
        """A new version; the old one goes, for a policy may have five."""
        old = self.iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        self.iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(document), SetAsDefault=True)
        self.iam.delete_policy_version(PolicyArn=arn, VersionId=old)

    def clients_of(self, role: str) -> Callable[[str], Any]:
        """Clients with a role's own credentials, by service."""
        keys = self._credentials_of(role)

        @cache
        def client(service: str) -> Any:
            return boto3.client(
                service,
                endpoint_url=self.stack.endpoint_url,
                region_name=self.stack.region,
                aws_access_key_id=keys["AccessKeyId"],
                aws_secret_access_key=keys["SecretAccessKey"],
                aws_session_token=keys["SessionToken"],
                config=Config(proxies={}, retries={"total_max_attempts": 1}),
            )

        return client

    def _credentials_of(self, role: str) -> dict[str, str]:
        """A session of a role, which trusts services only, but us for a moment."""
        name = self.ids[role]
        trust = self.iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
        us = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        self.iam.update_assume_role_policy(
            RoleName=name, PolicyDocument=json.dumps({**trust, "Statement": [us]})
        )
        try:
            sts = self.stack.client("sts")
            return sts.assume_role(RoleArn=self.arn_of(role), RoleSessionName="door")["Credentials"]
        finally:
            self.iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))

    def administrator(self) -> Principal:
        """A user who may do everything, as far as policies of resources let them."""
        return principal(self.stack, {"Action": "*", "Resource": "*"})
