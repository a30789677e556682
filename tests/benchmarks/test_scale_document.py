"""docs/scale.md shows what the commands print."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app

DOCUMENT = (Path(__file__).parents[2] / "docs" / "scale.md").read_text()
BLOCKS = re.findall(
    r"```console\n\$ python -m benchmarks (plan (?:[^\n]*\\\n)*[^\n]*)\n(.*?)```", DOCUMENT, re.DOTALL
)


@pytest.mark.parametrize(("command", "shown"), BLOCKS, ids=range(len(BLOCKS)))
def test_what_the_document_shows_is_what_the_command_prints(command, shown):
    ran = CliRunner().invoke(app, shlex.split(command.replace("\\\n", "")), env={"COLUMNS": "112"})
    printed = [line.rstrip() for line in ran.output.splitlines()]
    lines = [line for line in shown.splitlines() if line != "…"]
    assert lines
    assert [line for line in lines if line not in printed] == [], "\n".join(printed)


def test_the_document_shows_plans_of_all_three_sizes():
    assert [command.split()[2] for command, _ in BLOCKS] == ["10000", "10000", "1000000", "100000000"]


def test_what_it_says_of_files_links_to_files():
    links = re.findall(r"\]\((?!https|#)([^)]+)\)", DOCUMENT)
    assert links
    assert all((Path(__file__).parents[2] / "docs" / link).resolve().exists() for link in links)
