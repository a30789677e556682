"""What checks a change on a public host runs the project's own make targets, and actions that cannot move."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))


def read(path: Path) -> dict[Any, Any]:
    return yaml.safe_load(path.read_text())


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in read(path)["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit_and_say_their_version(path: Path) -> None:
    used = re.findall(r"uses: (\S+)(.*)", path.read_text())

    assert used
    assert all(re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", action) for action, _ in used)
    assert all(re.fullmatch(r"  # v\d+\.\d+\.\d+", version) for _, version in used)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_read_and_nothing_else(path: Path) -> None:
    assert read(path)["permissions"] == {"contents": "read"}


def test_the_workflow_runs_what_ci_run_does() -> None:
    (loop,) = re.findall(r"^for target in (.+); do$", (REPOSITORY / ".ci" / "run").read_text(), re.MULTILINE)
    job = read(REPOSITORY / ".github" / "workflows" / "ci.yml")["jobs"]["make"]

    assert [step["run"] for step in job["steps"] if "run" in step] == ["make ${{ matrix.target }}"]
    assert job["strategy"]["matrix"]["target"] == loop.split()
    assert set(loop.split()) <= TARGETS


def test_what_runs_before_a_commit_is_what_is_installed_here() -> None:
    (repository,) = read(REPOSITORY / ".pre-commit-config.yaml")["repos"]

    assert repository["repo"] == "local"
    for hook in repository["hooks"]:
        command, *arguments = hook["entry"].split()
        assert command.startswith(".venv/bin/") or (command == "make" and set(arguments) <= TARGETS)


def test_each_folder_with_pinned_packages_is_looked_after() -> None:
    updates = read(REPOSITORY / ".github" / "dependabot.yml")["updates"]
    folders = {path.parent for path in REPOSITORY.glob("*/*.txt") if "--hash=" in path.read_text()}

    assert {f"/{folder.name}" for folder in folders} == {
        name for update in updates if update["package-ecosystem"] == "pip" for name in update["directories"]
    }
