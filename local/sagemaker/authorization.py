"""Who may do what: the caller's PassRole and AddTags, and whether SageMaker may assume a role."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from typing import Any

from local.sagemaker.call import Call
from local.sagemaker.errors import AccessDeniedError, ValidationError
from local.sagemaker.instance.role_access import RoleAccess
from local.sagemaker.neighbours import conditions_hold, open_session, refused_principal, trust_statements
from local.settings import HOST

SAGEMAKER = "sagemaker.amazonaws.com"
SESSION_SECONDS = 6 * 3600


@dataclass(frozen=True)
class Credentials:
    """Temporary credentials of a role."""

    access_key_id: str
    secret_access_key: str
    session_token: str


def require_tagging(call: Call, arn: str) -> None:
    """Refuse tags of a caller without ``sagemaker:AddTags`` on what they create.

    Source: CreateTransformJob and its like in the Service Authorization Reference (dependent actions).

    Raises
    ------
    AccessDeniedError
        Without that permission.
    """
    if call.parameters.get("Tags"):
        _require(call, "sagemaker:AddTags", arn, {})


def require_passable(call: Call, role_arn: str) -> None:
    """Refuse a role that does not exist, that SageMaker may not assume, or that the caller may not pass.

    MiniStack checks no ``iam:PassRole``; its evaluator is asked, with the condition key IAM documents for it.

    Raises
    ------
    AccessDeniedError
        Without ``iam:PassRole`` on the role to SageMaker.
    ValidationError
        When SageMaker cannot assume the role.
    """
    _require(call, "iam:PassRole", role_arn, {"iam:PassedToService": SAGEMAKER})
    account = call.store.account
    if not any(_admits_sagemaker(statement, account) for statement in trust_statements(role_arn)):
        raise ValidationError(
            f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
            f"'{SAGEMAKER}' to assume the role."
        )


def assume(role_arn: str, session_name: str) -> Credentials:
    """Credentials of the role, as SageMaker gets them to do a job in its name."""
    keys = (f"ASIA{secrets.token_hex(8).upper()}", secrets.token_hex(20), secrets.token_hex(32))
    open_session(role_arn, session_name, keys, SESSION_SECONDS)
    return Credentials(*keys)


def access(role_arn: str, region: str) -> RoleAccess:
    """The embedded AWS in the name of a role, from threads of this process: they may wait for it."""
    credentials = assume(role_arn, "SageMaker")
    return RoleAccess(
        f"http://{HOST}:{os.environ['GATEWAY_PORT']}",
        region,
        credentials.access_key_id,
        credentials.secret_access_key,
        credentials.session_token,
    )


def require_also(call: Call, action: str, resource: str) -> None:
    """Refuse a call that acts on a second resource which the caller's policies do not cover.

    Raises
    ------
    AccessDeniedError
        Without the permission on it.
    """
    _require(call, action, resource, {})


def _require(call: Call, action: str, resource: str, context: dict[str, str]) -> None:
    principal = refused_principal(call.access_key, action, resource, call.store.region, context)
    if principal is not None:
        raise AccessDeniedError(
            f"User: {principal} is not authorized to perform: {action} on resource: {resource} "
            f"because no identity-based policy allows the {action} action"
        )


def _admits_sagemaker(statement: dict[str, Any], account: str) -> bool:
    """Whether a trust statement lets SageMaker, acting for the account, assume the role."""
    actions = statement.get("Action", [])
    principal = statement.get("Principal", {})
    services = principal.get("Service", []) if isinstance(principal, dict) else []
    return (
        statement.get("Effect") == "Allow"
        and SAGEMAKER in ([services] if isinstance(services, str) else services)
        and "sts:AssumeRole" in ([actions] if isinstance(actions, str) else actions)
        and conditions_hold(statement.get("Condition", {}), {"aws:sourceaccount": account}, account)
    )
