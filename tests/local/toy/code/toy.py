"""A function that writes down what it was called with and what it can see."""

import importlib.util
import json
import os
import sys
import uuid

import boto3

UNWANTED = ("pandas", "sklearn", "ministack", "pytest")


def handler(event, context):
    """Store the event and the surroundings under seen/."""
    seen = {
        "event": event,
        "environment": dict(os.environ),
        "python": sys.executable,
        "importable": [name for name in UNWANTED if importlib.util.find_spec(name)],
        "request": context.aws_request_id,
    }
    boto3.client("s3").put_object(
        Bucket=os.environ["WORK_BUCKET"], Key=f"seen/{uuid.uuid4()}.json", Body=json.dumps(seen).encode()
    )
    return {"batchItemFailures": []}
