"""The access log of an HTTP API's stage."""

from __future__ import annotations

import re
import time
from typing import Any

from ministack.core.responses import new_uuid
from ministack.services import cloudwatch_logs

from local.hooks.http_api_request import Request

VARIABLE = re.compile(r"\$context\.([A-Za-z0-9]+(?:\.[A-Za-z0-9]+)*)")
STREAM = "access"
LOOPBACK = "127.0.0.1"


def write_access_log(
    settings: dict[str, Any] | None, request: Request, context: dict[str, str], started: float
) -> None:
    """Write a line into a stage's access log.

    MiniStack keeps the settings and writes nothing. A variable that has no value is a hyphen; see "Customize
    HTTP API access logs" (API Gateway developer guide).

    Parameters
    ----------
    settings
        The stage's ``accessLogSettings``; None writes nothing.
    request
        What has been answered.
    context
        Variables that only the way to the answer has shown.
    started
        When the request arrived, in seconds since the epoch.
    """
    if not settings:
        return
    known = {
        "requestId": new_uuid(),
        "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(started)),
        "httpMethod": request.method,
        "path": request.path,
        "identity.sourceIp": LOOPBACK,
        "responseLatency": str(round((time.time() - started) * 1000)),
        **context,
    }
    line = VARIABLE.sub(lambda found: known.get(found[1], "-"), settings["format"])
    place = {
        "logGroupName": settings["destinationArn"].split(":log-group:")[1].removesuffix(":*"),
        "logStreamName": STREAM,
    }
    cloudwatch_logs._create_log_stream(place)
    cloudwatch_logs._put_log_events({**place, "logEvents": [{"message": line}]})
