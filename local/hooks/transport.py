"""Loopback stands for TLS."""

from __future__ import annotations

from contextvars import ContextVar

from ministack import app
from ministack.core import iam_evaluator

LOOPBACK = "127.0.0.1"


def treat_loopback_as_tls() -> None:
    """Let every request count as sent over TLS, and every delivery of one service to another.

    The template's buckets and queues refuse whatever does not come over TLS (``aws:SecureTransport``). The
    embedded server speaks plain HTTP on loopback only, so without this it would refuse everything.
    """
    pin = iam_evaluator.pin_request_origin

    def pin_as_secure(source_ip: str, _: object) -> None:
        pin(source_ip, secure_transport=True)

    iam_evaluator.pin_request_origin = pin_as_secure
    app.pin_request_origin = pin_as_secure
    # What holds where no request has set it: in the threads of schedules and deliveries.
    iam_evaluator._request_origin = ContextVar("request_origin", default=(LOOPBACK, True))
