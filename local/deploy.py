"""The real template, deployed to the embedded AWS."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from botocore.exceptions import WaiterError

from local.artifact import fingerprint, pack
from local.errors import DeployError
from local.template import Template, code_folders, read_template, translate, with_code_at

ARTIFACT_BUCKET = "dropscore-artifacts"
TEMPLATE_KEY = "template.json"
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]
CREATE_SECONDS = 120
POLL_SECONDS = 0.2


class EmbeddedAws(Protocol):
    """What deploying needs of the embedded AWS."""

    endpoint_url: str
    region: str

    def client(self, service: str) -> Any:
        """A boto3 client."""


def deploy(
    aws: EmbeddedAws, template_file: Path, parameters: Mapping[str, str], stack_name: str
) -> dict[str, str]:
    """Upload the built code, translate the template and create the stack.

    Parameters
    ----------
    template_file
        The ``template.yaml`` that ``sam build`` has written.
    parameters
        Template parameters other than the defaults.

    Returns
    -------
    dict[str, str]
        The stack's outputs.

    Raises
    ------
    NotBuiltError
        When the functions have not been built.
    DeployError
        When the template does not translate or a resource cannot be created.
    """
    template = read_template(template_file)
    folders = code_folders(template, template_file.parent)
    aws.client("s3").create_bucket(Bucket=ARTIFACT_BUCKET)
    located = with_code_at(template, _upload(aws, folders))
    translated = translate(located, parameters, aws.region)
    _create(aws, translated, parameters, stack_name)
    description = aws.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in description.get("Outputs", [])}


def _upload(aws: EmbeddedAws, folders: Mapping[str, Path]) -> dict[str, str]:
    """Upload each artifact once, however many functions share it."""
    prints = {name: fingerprint(folder) for name, folder in folders.items()}
    for key, folder in {prints[name]: folder for name, folder in folders.items()}.items():
        with tempfile.TemporaryDirectory() as temporary:
            packed = Path(temporary) / "code.zip"
            pack(folder, packed)
            with packed.open("rb") as body:
                aws.client("s3").put_object(Bucket=ARTIFACT_BUCKET, Key=f"{key}.zip", Body=body)
    return {name: f"s3://{ARTIFACT_BUCKET}/{key}.zip" for name, key in prints.items()}


def _create(aws: EmbeddedAws, template: Template, parameters: Mapping[str, str], stack_name: str) -> None:
    """Create the stack; the template goes by way of S3: a request carries 51,200 bytes at most."""
    aws.client("s3").put_object(Bucket=ARTIFACT_BUCKET, Key=TEMPLATE_KEY, Body=json.dumps(template).encode())
    cloudformation = aws.client("cloudformation")
    cloudformation.create_stack(
        StackName=stack_name,
        TemplateURL=f"{aws.endpoint_url}/{ARTIFACT_BUCKET}/{TEMPLATE_KEY}",
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=CAPABILITIES,
    )
    attempts = {"Delay": POLL_SECONDS, "MaxAttempts": int(CREATE_SECONDS / POLL_SECONDS)}
    try:
        cloudformation.get_waiter("stack_create_complete").wait(StackName=stack_name, WaiterConfig=attempts)
    except WaiterError as failure:
        raise DeployError(
            f"the stack could not be created: {_reasons(cloudformation, stack_name)}"
        ) from failure


def _reasons(cloudformation: Any, stack_name: str) -> str:
    events = cloudformation.describe_stack_events(StackName=stack_name)["StackEvents"]
    failed = [
        f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
        for event in reversed(events)
        if event["ResourceStatus"].endswith("FAILED")
    ]
    return "; ".join(failed) or "CloudFormation gives no reason"
