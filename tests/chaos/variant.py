"""The built template with shorter patience."""

from __future__ import annotations

import json
from pathlib import Path

from local.template import FUNCTION, read_template

FUNCTION_SECONDS = 10

AT_ONCE = 2
"""Invocations at once: more starting together on a machine of two cores would take each other's time away."""

QUEUE = "AWS::SQS::Queue"


def with_short_patience(built: Path, folder: Path, visibility_seconds: int) -> Path:
    """Write a variant of the built template in which what a killed function held comes back in seconds.

    A message that it had comes back after the queue's visibility timeout, a drop that it was leased a minute
    after the invocation's deadline: with the template's own 30 and 6 minutes, an hour of waiting would test
    nothing more. Everything else is as it was built, maxReceiveCount too.
    """
    template = read_template(built)
    template["Globals"]["Function"]["Timeout"] = FUNCTION_SECONDS
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == FUNCTION:
            properties["CodeUri"] = str((built.parent / properties["CodeUri"]).resolve())
            for event in properties.get("Events", {}).values():
                event["Properties"].get("ScalingConfig", {}).update(MaximumConcurrency=AT_ONCE)
        if resource["Type"] == QUEUE and "RedrivePolicy" in properties:
            properties["VisibilityTimeout"] = visibility_seconds
    variant = folder / "template.json"
    variant.write_text(json.dumps(template))
    return variant
