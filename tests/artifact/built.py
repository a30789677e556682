"""What `make build` leaves behind."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from samcli.yamlhelper import yaml_parse

REPOSITORY = Path(__file__).parents[2]
BUILD = REPOSITORY / ".aws-sam" / "build"
FUNCTIONS = ["PrepareFunction", "CollectFunction", "SweepFunction", "ResultsApiFunction", "PredictFunction"]
LAMBDA_PYTHON = REPOSITORY / ".venv-lambda" / "bin" / "python"


@cache
def properties(name: str) -> dict:
    """The properties of a function in the built template."""
    return yaml_parse((BUILD / "template.yaml").read_text())["Resources"][name]["Properties"]


def folder(name: str = FUNCTIONS[0]) -> Path:
    """The artifact of a function."""
    return BUILD / properties(name)["CodeUri"]


def files(name: str = FUNCTIONS[0]) -> list[Path]:
    return [path for path in folder(name).rglob("*") if path.is_file() and not path.is_symlink()]
