"""Imports in training run one way: cli → endpoint and registry → model → data → sensors."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "training"
MODULES = sorted(PACKAGE.rglob("*.py"))
ROOMS = {
    "errors": set(),
    "aws": {"errors"},
    "sensors": {"errors", "sensors"},
    "data": {"errors", "data", "sensors"},
    "model": {"errors", "aws", "model", "data"},
    "registry": {"errors", "registry", "model"},
    "endpoint": {"errors", "aws", "endpoint"},
    "cli": {"errors", "aws", "cli", "endpoint", "registry", "model", "data", "sensors"},
    "container": set(),
    "__main__": {"cli"},
    "__init__": set(),
}
IN_ANOTHER_ENVIRONMENT = ["container/inference.py", "container/train.py", "model/sagemaker_job.py"]


def imported(path):
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    named = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    assert not any(node.level for node in named)
    return plain | {f"{node.module}.{alias.name}" for node in named for alias in node.names}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_its_room_may(path):
    here = path.relative_to(PACKAGE).with_suffix("").parts[0]
    names = imported(path)

    rooms = {name.split(".")[1] for name in names if name.startswith("training.")}

    assert rooms <= ROOMS[here]
    assert not {name.split(".")[0] for name in names} & {"local", "ops", "tests"}


@pytest.mark.parametrize("name", IN_ANOTHER_ENVIRONMENT)
def test_what_runs_in_another_environment_imports_nothing_of_the_project(name):
    assert not {one.split(".")[0] for one in imported(PACKAGE / name)} & {"training", "dropscore"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_stays_small_enough_to_read(path):
    assert len(path.read_text().splitlines()) <= 300


def test_a_package_is_a_docstring_and_re_exports_nothing():
    for path in PACKAGE.rglob("__init__.py"):
        assert len(path.read_text().splitlines()) == 1
