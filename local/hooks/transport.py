"""Loopback stands for TLS."""

from __future__ import annotations

from ministack import app
from ministack.core import iam_evaluator


def treat_loopback_as_tls() -> None:
    """Let every request count as sent over TLS.

    The template's buckets refuse whatever does not come over TLS (``aws:SecureTransport``). The embedded
    server speaks plain HTTP on loopback only, so without this it would refuse everything.
    """
    pin = iam_evaluator.pin_request_origin

    def pin_as_secure(source_ip: str, _: object) -> None:
        pin(source_ip, secure_transport=True)

    iam_evaluator.pin_request_origin = pin_as_secure
    app.pin_request_origin = pin_as_secure
