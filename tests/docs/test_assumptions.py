"""What is assumed about AWS names the smoke test's item that settles it; deploy.md explains each item."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ops.smoke.run import ITEMS

REPOSITORY = Path(__file__).parents[2]
DOCUMENTS = [
    *(REPOSITORY / name for name in ("README.md", "SECURITY.md", "local/README.md")),
    *sorted((REPOSITORY / "docs").glob("*.md")),
]
CODE = [
    path
    for folder in ("functions", "training", "local", "ops")
    for path in (REPOSITORY / folder).rglob("*.py")
]
DEPLOY = (REPOSITORY / "docs" / "deploy.md").read_text()

NAMED = re.compile(r"`smoke:\s+([a-z-]+)`")
ASSUMED = re.compile(
    r"nobody\s+has\s+(run|walked|deployed|done|tried|seen)|has\s+not\s+been\s+run|not\s+run\s+yet"
    r"|documents\s+do\s+not\s+(say|rule)|no\s+document|nor\s+does\s+one\s+say|not\s+documented|\bassumed\b[^-]"
    r"|assumptions?\s+about",
    re.IGNORECASE,
)
"""How something is written that nobody has seen on AWS."""


def statements(text: str) -> list[str]:
    """The paragraphs, rows of tables and items of lists of a document."""
    return re.split(r"\n\s*\n|\n(?=\||- |\d+\. )", text)


def test_each_item_is_explained():
    section = DEPLOY.split("## Smoke test\n")[1].split("\n## ")[0]
    assert re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE) == list(ITEMS)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_an_open_assumption_names_the_item_that_settles_it(path):
    silent = [one for one in statements(path.read_text()) if ASSUMED.search(one) and not NAMED.search(one)]
    assert silent == []


def test_so_does_the_code():
    silent = [
        f"{path.relative_to(REPOSITORY)}: {one.strip()}"
        for path in CODE
        for one in statements(path.read_text())
        if re.search(r"no document|not documented", one) and not NAMED.search(one)
    ]
    assert silent == []


def test_no_item_is_named_that_there_is_not():
    for path in [*DOCUMENTS, *CODE]:
        assert set(NAMED.findall(path.read_text())) <= {*ITEMS, "none"}, path


def test_an_assumption_without_an_item_would_be_found():
    assert ASSUMED.search("Nobody has deployed it to a real\naccount yet.")
    assert not NAMED.search("run `python -m ops smoke`")
