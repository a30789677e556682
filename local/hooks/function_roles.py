"""What Lambda itself does in the name of a function's role: it polls queues and writes the function's log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json, get_account_id, get_region
from ministack.services import lambda_svc, sqs
from ministack.services.cloudformation import provisioners

from local.hooks.event_source import MAPPING_TYPE
from local.sagemaker.neighbours import role_allows

TO_POLL = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
TO_LOG = ("CreateLogStream", "PutLogEvents")

Response = tuple[int, dict[str, str], Any]
Resource = tuple[str, dict[str, Any]]


def poll_in_the_functions_name() -> None:
    """Poll a queue only while the function's role allows it, and refuse mappings of functions whose does not.

    MiniStack asks nobody. On AWS the role needs three actions ("Configuring a queue to use with Lambda",
    Lambda developer guide), and a mapping cannot be made or changed without them.
    """
    create, update = lambda_svc._create_esm, lambda_svc._update_esm
    provision = provisioners._RESOURCE_HANDLERS[MAPPING_TYPE]["create"]
    receive = sqs._receive_messages_for_esm

    def checked_create(data: dict[str, Any]) -> Response:
        answer: Response = _refused(_refusal(data)) or create(data)
        return answer

    def checked_update(mapping_id: str, data: dict[str, Any]) -> Response:
        refusal = _refusal(lambda_svc._esms.get(mapping_id) or {})
        answer: Response = _refused(refusal) or update(mapping_id, data)
        return answer

    def checked_provision(logical_id: str, properties: dict[str, Any], stack_name: str) -> Resource:
        if refusal := _refusal(properties):
            raise ValueError(f"{refusal} (Service: Lambda, Status Code: 400)")
        resource: Resource = provision(logical_id, properties, stack_name)
        return resource

    def checked_receive(queue_url: str, max_number: int) -> list[dict[str, Any]]:
        queue_arn = sqs._get_q(queue_url)["attributes"]["QueueArn"]
        for _, _, mapping in lambda_svc._iter_all_esms():
            if mapping.get("EventSourceArn") == queue_arn and _lacking(mapping["FunctionName"], queue_arn):
                return []
        batch: list[dict[str, Any]] = receive(queue_url, max_number)
        return batch

    lambda_svc._create_esm = checked_create
    lambda_svc._update_esm = checked_update
    provisioners._RESOURCE_HANDLERS[MAPPING_TYPE]["create"] = checked_provision
    sqs._receive_messages_for_esm = checked_receive


def log_in_the_functions_name() -> None:
    """Write a function's log only while its role allows it; the invocation goes on without.

    See "Defining Lambda function permissions with an execution role" (Lambda developer guide).
    """
    emit: Callable[..., None] = lambda_svc._emit_lambda_logs

    def checked_emit(function: dict[str, Any], *rest: Any, **named: Any) -> None:
        config = function.get("config") or function
        group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
        stream = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{group}:log-stream:any"
        if _all_allowed(str(config.get("Role", "")), "logs", TO_LOG, stream):
            emit(function, *rest, **named)

    lambda_svc._emit_lambda_logs = checked_emit


def _refusal(mapping: dict[str, Any]) -> str | None:
    """What Lambda says to a mapping that its function's role does not allow; None where it does."""
    function, queue_arn = str(mapping.get("FunctionName", "")), str(mapping.get("EventSourceArn", ""))
    action = _lacking(function.rpartition(":")[2], queue_arn) if ":sqs:" in queue_arn else None
    return (
        f"The provided execution role does not have permissions to call {action} on SQS" if action else None
    )


def _refused(refusal: str | None) -> Response | None:
    if refusal is None:
        return None
    answer: Response = error_response_json("InvalidParameterValueException", refusal, 400)
    return answer


def _lacking(function: str, queue_arn: str) -> str | None:
    """The first action on the queue that the role of a function lacks."""
    record, config = lambda_svc._get_func_record_for_qualifier(function, None)
    if record is None:
        return None
    role = str(config.get("Role", ""))
    return next((action for action in TO_POLL if not _all_allowed(role, "sqs", (action,), queue_arn)), None)


def _all_allowed(role_arn: str, service: str, actions: tuple[str, ...], resource: str) -> bool:
    return all(role_allows(role_arn, f"{service}:{action}", resource, get_region()) for action in actions)
