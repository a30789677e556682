"""The whole of Dropscore on the embedded AWS, for as long as a ``with`` block lasts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from botocore.credentials import Credentials

from local.deploy import deploy
from local.server_process import REPOSITORY, ServerProcess
from ops.results_api import ResultsApi

BUILT_TEMPLATE = REPOSITORY / ".aws-sam" / "build" / "template.yaml"
STACK_NAME = "dropscore-local"


class LocalStack(ServerProcess):
    """The embedded AWS with the real template deployed in it.

    Parameters
    ----------
    parameters
        Template parameters other than the defaults; ``LocalEndpointUrl`` is set to the endpoint.
    port
        Loopback port; 0 for a free one.
    template_file
        Another template that ``sam build`` has written than this repository's.
    bridge
        Another address to listen on: a container engine's bridge. Empty for none.

    Attributes
    ----------
    outputs
        The stack's outputs.
    """

    def __init__(
        self,
        parameters: Mapping[str, str] | None = None,
        port: int = 0,
        template_file: Path = BUILT_TEMPLATE,
        bridge: str = "",
    ) -> None:
        super().__init__(port, bridge)
        self._parameters = dict(parameters or {})
        self._template_file = template_file
        self.outputs: dict[str, str] = {}

    def start(self) -> Self:
        """Start the embedded AWS and deploy the template.

        Raises
        ------
        LocalError
            With what to do next; nothing is left running.
        """
        super().start()
        try:
            parameters = {**self._parameters, "LocalEndpointUrl": self.endpoint_url}
            self.outputs = deploy(self, self._template_file, parameters, STACK_NAME)
        except BaseException:
            self.stop()
            raise
        return self

    def function(self, logical_id: str) -> str:
        """The name of one of the template's functions."""
        return self.functions()[logical_id]

    def functions(self) -> dict[str, str]:
        """The names of the template's functions by their logical ids."""
        paginator = self.client("cloudformation").get_paginator("list_stack_resources")
        pages = paginator.paginate(StackName=STACK_NAME)
        resources = [resource for page in pages for resource in page["StackResourceSummaries"]]
        return {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for resource in resources
            if resource["ResourceType"] == "AWS::Lambda::Function"
        }

    def results_api(self) -> ResultsApi:
        """The stack's results API, as a reader with root's credentials reaches it."""
        signer = Credentials(self.credentials.access_key_id, self.credentials.secret_access_key)
        return ResultsApi(self.outputs["ResultsApiUrl"], signer, self.region)
