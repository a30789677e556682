"""A function that writes down what it was called with and what it can see."""

import base64
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


def answer(event, context):
    """Tell whoever asks over HTTP what came in, or do as the path says."""
    del context
    if event["rawPath"] == "/fail":
        raise RuntimeError("a secret of the function's")
    if event["rawPath"] == "/large":
        return {"statusCode": 200, "body": "x" * 7_000_000}
    if event["rawPath"] == "/binary":
        return {"statusCode": 200, "isBase64Encoded": True, "body": base64.b64encode(b"\x00\xff").decode()}
    headers = {"content-type": "application/json", "access-control-allow-origin": "https://the.function.s"}
    status = 204 if event["requestContext"]["http"]["method"] == "OPTIONS" else 200
    return {"statusCode": status, "headers": headers, "body": json.dumps(event)}
