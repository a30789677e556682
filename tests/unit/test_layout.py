"""Imports run one way: handlers → predict → api → use cases → domain and aws; none imports the doors."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "functions" / "dropscore"
MODULES = sorted(PACKAGE.rglob("*.py"))
ROOMS = {
    "domain": {"domain"},
    "aws": {"aws", "domain"},
    "use cases": {"use cases", "aws", "domain"},
    "api": {"api", "use cases", "aws", "domain"},
    "predict": {"predict", "api", "use cases", "aws", "domain"},
}
DOORS = {"handlers", "predict", "api", "use cases", "domain"}
OUTSIDE_DOMAIN = {"boto3", "botocore", "os", "time", "logging", "aws_lambda_powertools"}


def room(module: str) -> str:
    first = module.split(".")[1] if "." in module else ""
    return first if first in ("domain", "aws", "api", "predict", "handlers") else "use cases"


def imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_its_room_may(path: Path) -> None:
    here = room("dropscore." + ".".join(path.relative_to(PACKAGE).with_suffix("").parts))
    names = imported(path)

    rooms = {room(name) for name in names if name.startswith("dropscore.")}

    assert rooms <= ROOMS.get(here, DOORS)
    assert not {name.split(".")[0] for name in names} & {"training", "local", "ops"}
    if here == "domain":
        assert not {name.split(".")[0] for name in names} & OUTSIDE_DOMAIN


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_stays_small_enough_to_read(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300
