"""The life of an endpoint: created, updated blue/green, deleted, each in a thread of its own."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable

from local.sagemaker.faults import faults
from local.sagemaker.store import Endpoint, EndpointStatus, Store
from local.sagemaker.variant import Variant, VariantFault


def create(store: Store, endpoint: Endpoint, variant: Variant) -> None:
    """Bring the first variant up; the endpoint ends InService or Failed."""
    _in_thread(endpoint, lambda: _deploy(store, endpoint, variant, EndpointStatus.FAILED))


def update(store: Store, endpoint: Endpoint, variant: Variant) -> None:
    """Bring another variant up beside the one that serves, which ends once the other is healthy.

    When it is not, the endpoint is InService as before, with a FailureReason: "Blue/Green Deployments" in the
    developer guide; aws-controllers-k8s/sagemaker-controller, ``pkg/resource/endpoint/hooks.go``.
    """
    _in_thread(endpoint, lambda: _deploy(store, endpoint, variant, EndpointStatus.IN_SERVICE))


def delete(store: Store, endpoint: Endpoint) -> None:
    """Take the endpoint away once the requests under way are answered."""
    _in_thread(endpoint, lambda: _remove(store, endpoint))


def _in_thread(endpoint: Endpoint, work: Callable[[], None]) -> None:
    """Run in a thread that keeps the request's account and region."""
    run = contextvars.copy_context().run
    threading.Thread(target=run, args=(work,), name=f"endpoint-{endpoint.name}", daemon=True).start()


def _deploy(store: Store, endpoint: Endpoint, variant: Variant, otherwise: EndpointStatus) -> None:
    time.sleep(faults.settings.endpoint_delay_seconds)
    reason = faults.endpoint_failure() or _start(variant)
    with store.lock:
        ended = variant if reason else endpoint.serving
        if reason:
            endpoint.status, endpoint.failure_reason = otherwise, reason
        else:
            endpoint.status, endpoint.serving = EndpointStatus.IN_SERVICE, variant
            endpoint.config = endpoint.pending or endpoint.config
        endpoint.pending, endpoint.modified = None, time.time()
    if ended is not None:
        ended.close()


def _start(variant: Variant) -> str | None:
    """Start a variant; why it does not serve, or None."""
    try:
        variant.start()
    except VariantFault as problem:
        return str(problem)
    return None


def _remove(store: Store, endpoint: Endpoint) -> None:
    time.sleep(faults.settings.endpoint_delay_seconds)
    with store.lock:
        serving, endpoint.serving = endpoint.serving, None
    if serving is not None:
        serving.close()
    with store.lock:
        del store.endpoints[endpoint.arn]
        store.tags.pop(endpoint.arn, None)
