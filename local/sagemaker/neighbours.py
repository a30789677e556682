"""What the stand-in needs of the services beside it in the same process: S3, IAM, STS and EventBridge."""
# ruff: noqa: SLF001 (MiniStack offers no public way to its services' state from inside)

from __future__ import annotations

import json
import time
from typing import Any

from ministack.core import iam_evaluator as evaluator
from ministack.services import eventbridge, iam, s3, sts


def has_object(bucket: str, key: str) -> bool:
    """Whether an object is there, whoever may read it."""
    return key in _keys(bucket)


def has_objects_under(bucket: str, prefix: str) -> bool:
    """Whether any key begins with the prefix."""
    return any(key.startswith(prefix) for key in _keys(bucket))


def _keys(bucket: str) -> dict[str, Any]:
    objects: dict[str, Any] = (s3._buckets.get(bucket) or {}).get("objects", {})
    return objects


def refused_principal(
    access_key: str, action: str, resource: str, region: str, context: dict[str, str]
) -> str | None:
    """Whose policies do not allow an action (the ARN of the key's owner), or None if they do."""
    service = action.partition(":")[0]
    denied = evaluator.enforce(
        access_key, action, service, region, resource_arn=resource, service_context=context
    )
    return None if denied is None else getattr(denied, "principal_arn", "") or "the caller"


def role_allows(role_arn: str, action: str, resource: str, region: str) -> bool:
    """Whether a role's own policies allow an action (with the policy of the resource, if it has one)."""
    account, name = account_of(role_arn), role_name(role_arn)
    context = evaluator.EvalContext(
        principal_arn=_session_arn(role_arn, "service"),
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=region,
        service_context={"aws:tagkeys": None},
    )
    limits = evaluator._permissions_boundary(iam._roles, name, account)
    result = evaluator.evaluate(context, evaluator._gather_role_policies(name, account), *limits)
    policy = evaluator._resource_policy(action.partition(":")[0], resource)
    if policy is not None:
        result = evaluator.combine_resource_policy(result, context, *policy, required=False, limits=limits)
    return bool(result.decision == "Allow")


def trust_statements(role_arn: str) -> list[dict[str, Any]]:
    """The statements of a role's trust policy; none if there is no such role."""
    role = iam._roles.get_scoped(account_of(role_arn), None, role_name(role_arn)) or {}
    document: Any = role.get("AssumeRolePolicyDocument") or {}
    policy = json.loads(document) if isinstance(document, str) else document
    statements = policy.get("Statement", [])
    return [statements] if isinstance(statements, dict) else list(statements)


def conditions_hold(conditions: dict[str, Any], context: dict[str, str], account: str) -> bool:
    """Whether a statement's conditions hold for a service that acts for an account."""
    request = evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account=account,
        action="sts:AssumeRole",
        resource_arn="*",
        region="",
        service_context=context,
    )
    return bool(evaluator._conditions_met(conditions, request))


def open_session(role_arn: str, name: str, keys: tuple[str, str, str], seconds: float) -> None:
    """Make keys (id, secret, token) those of a session of the role."""
    access_key_id, secret, token = keys
    session = {
        "Arn": _session_arn(role_arn, name),
        "UserId": f"{role_name(role_arn)}:{name}",
        "SecretAccessKey": secret,
        "SessionToken": token,
        "AccountId": account_of(role_arn),
        "Expiration": time.time() + seconds,
    }
    sts.register_session(access_key_id, session)


def put_aws_event(detail_type: str, resource: str, detail: dict[str, Any]) -> None:
    """Put an event of SageMaker's own on the default bus of the account the context is about."""
    entry = {
        "Source": "aws.sagemaker",
        "DetailType": detail_type,
        "Resources": [resource],
        "Detail": json.dumps(detail),
    }
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


def account_of(role_arn: str) -> str:
    """The account in a role's ARN."""
    return role_arn.split(":")[4]


def role_name(role_arn: str) -> str:
    """The name in a role's ARN, without its path."""
    return role_arn.rpartition("/")[2]


def _session_arn(role_arn: str, session: str) -> str:
    return f"arn:aws:sts::{account_of(role_arn)}:assumed-role/{role_name(role_arn)}/{session}"
