"""Tags of SageMaker's resources."""

from __future__ import annotations

from local.sagemaker.call import Call
from local.sagemaker.store import Document


def add_tags(call: Call) -> Document:
    """AddTags."""
    arn = call.parameters["ResourceArn"]
    call.store.tag(arn, call.parameters["Tags"])
    return {"Tags": call.store.tags_of(arn)}


def list_tags(call: Call) -> Document:
    """ListTags."""
    return {"Tags": call.store.tags_of(call.parameters["ResourceArn"])}


OPERATIONS = {"AddTags": add_tags, "ListTags": list_tags}
