"""The built SAM template as CloudFormation takes it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from samcli.yamlhelper import yaml_parse
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from local.clients import without_aws_settings
from local.errors import DeployError, NotBuiltError

Template = dict[str, Any]

FUNCTION = "AWS::Serverless::Function"


def read_template(path: Path) -> Template:
    """Read a template that ``sam build`` has written.

    Raises
    ------
    NotBuiltError
        When there is none.
    """
    if not path.exists():
        raise NotBuiltError(
            f"the functions are not built ({path.name} is missing in {path.parent}): run `make build`"
        )
    template: Template = yaml_parse(path.read_text())
    return template


def code_folders(template: Template, base: Path) -> dict[str, Path]:
    """Where the code of each of the template's functions has been built.

    Raises
    ------
    NotBuiltError
        When a folder is missing.
    """
    folders = {
        name: (base / resource["Properties"]["CodeUri"]).resolve()
        for name, resource in template["Resources"].items()
        if resource["Type"] == FUNCTION
    }
    for name, folder in folders.items():
        if not folder.is_dir():
            raise NotBuiltError(f"the code of {name} is not built: run `make build`")
    return folders


def with_code_at(template: Template, uris: Mapping[str, str]) -> Template:
    """The template with each function's code at its ``s3://`` address."""
    resources = dict(template["Resources"])
    for name, uri in uris.items():
        resources[name] = {**resources[name], "Properties": {**resources[name]["Properties"], "CodeUri": uri}}
    return {**template, "Resources": resources}


def translate(template: Template, parameters: Mapping[str, str], region: str) -> Template:
    """Translate SAM to CloudFormation, with the translator CloudFormation itself uses.

    Raises
    ------
    DeployError
        With every cause the translator names.
    """
    with without_aws_settings():
        session = boto3.Session("none", "none", region_name=region)
        translator = Translator({}, Parser(), boto_session=session)
        try:
            translated: Template = translator.translate(template, parameter_values=dict(parameters))
        except InvalidDocumentException as refusal:
            causes = "; ".join(str(cause.message) for cause in refusal.causes)
            raise DeployError(f"the template does not translate: {causes}") from refusal
    return translated
