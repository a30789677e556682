"""SageMaker as a service of MiniStack, and what IAM calls its actions and resources."""

from __future__ import annotations

import json
from typing import Any

from ministack import app
from ministack.core import iam_actions, router

from local.sagemaker.arns import resource_of
from local.sagemaker.service import handle
from local.sagemaker.shapes import operations_with_tags

RUNTIME_PATH = "/endpoints/"


def register_sagemaker() -> None:
    """Route SageMaker's requests to our stand-in; MiniStack has none of its own."""
    router.SERVICE_PATTERNS["sagemaker"] = {
        "target_prefixes": ["SageMaker"],
        "host_patterns": [r"api\.sagemaker\."],
        "credential_scope": "sagemaker",
    }
    app.SERVICE_HANDLERS["sagemaker"] = handle


def name_sagemaker_for_iam() -> None:
    """Give SageMaker's requests an IAM action and resource.

    MiniStack allows whatever it cannot name: without this, every function could call every SageMaker
    operation, and a missing permission would go unnoticed. Names in ARNs are lower-cased, as SageMaker
    does. See "Actions, resources, and condition keys for Amazon SageMaker AI" in the Service Authorization
    Reference.
    """
    iam_actions.SERVICE_TO_IAM_NAMESPACE["sagemaker"] = "sagemaker"
    iam_actions._TAG_OPERATIONS["sagemaker"] = operations_with_tags()
    iam_actions._UNSIGNED_OPERATIONS["sagemaker"] = frozenset()
    name_action, name_resource = iam_actions.extract_iam_action, iam_actions.extract_resource_arn

    def action(service: str, method: str, path: str, *rest: Any) -> str | None:
        if service == "sagemaker" and path.startswith(RUNTIME_PATH):
            return "sagemaker:InvokeEndpoint"
        named: str | None = name_action(service, method, path, *rest)
        return named

    def resource(  # noqa: PLR0913, PLR0917 (MiniStack's signature)
        service: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query: dict[str, Any],
        region: str,
        account: str,
    ) -> str:
        if service != "sagemaker":
            named: str = name_resource(service, method, path, headers, body, query, region, account)
            return named
        if path.startswith(RUNTIME_PATH):
            return f"arn:aws:sagemaker:{region}:{account}:endpoint/{path.split('/')[2].lower()}"
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        return resource_of(operation, _parameters(body), region, account)

    iam_actions.extract_iam_action = action
    iam_actions.extract_resource_arn = resource


def _parameters(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body or b"{}")
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
