"""The messages of the functions, found in their source: what states, logs and answers say to somebody."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FUNCTIONS = Path(__file__).parents[2] / "functions" / "dropscore"

TOLD_TO_NOBODY = frozenset(
    {
        "info",  # a log line about the ordinary way of things
        "debug",
        "AssertionError",  # a defect of ours: the log has its traceback, no text helps
        "Condition",  # DynamoDB's language
    }
)
"""Calls whose texts are no messages, by the last part of their name."""


@dataclass(frozen=True)
class Message:
    """A text with what is constant in it, longest piece first."""

    place: str
    pieces: tuple[str, ...]

    @property
    def fragment(self) -> str:
        """What the manual has to quote of it."""
        return self.pieces[0]


TOLD_TO_OPERATORS = frozenset({"warning", "error", "exception"})
"""Log calls about what is out of the ordinary."""

FOR_CLIENTS = "api"
"""The room whose texts clients get: its problem documents say themselves what to do, and its descriptions are
the manual. Only what it logs is the operator's."""


def messages() -> list[Message]:
    """Every text of two words and more that a module of the functions may say to an operator."""
    return [
        message
        for path in sorted(FUNCTIONS.rglob("*.py"))
        for said in _told_in(path.relative_to(FUNCTIONS), ast.parse(path.read_text()))
        for message in _messages_in(said, path.relative_to(FUNCTIONS).as_posix())
    ]


def _told_in(path: Path, tree: ast.AST) -> list[ast.AST]:
    """The parts of a module in which an operator is told something."""
    if path.parts[0] != FOR_CLIENTS:
        return [tree]
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [call for call in calls if ast.unparse(call.func).split(".")[-1] in TOLD_TO_OPERATORS]


def _messages_in(tree: ast.AST, path: str) -> Iterator[Message]:
    for node in _spoken(tree):
        pieces = sorted(map(plain, _constants(node)), key=len, reverse=True)
        if pieces and " " in pieces[0]:
            yield Message(f"{path}:{node.lineno}", tuple(pieces))


def _spoken(node: ast.AST) -> Iterator[ast.Constant | ast.JoinedStr]:
    """The strings below a node, but docstrings and what is told to nobody.

    An f-string is one, and those within it are others.
    """
    match node:
        case ast.Expr(value=ast.Constant()):
            return
        case ast.Call(func=function) if ast.unparse(function).split(".")[-1] in TOLD_TO_NOBODY:
            return
        case ast.Constant(value=str()):
            yield node
        case ast.JoinedStr(values=parts):
            yield node
            for part in parts:
                if isinstance(part, ast.FormattedValue):
                    yield from _spoken(part.value)
        case _:
            for child in ast.iter_child_nodes(node):
                yield from _spoken(child)


def _constants(node: ast.Constant | ast.JoinedStr) -> Iterator[str]:
    """What is constant in a string."""
    for part in node.values if isinstance(node, ast.JoinedStr) else [node]:
        if isinstance(part, ast.Constant) and plain(part.value):
            yield part.value


def plain(text: str) -> str:
    """Without what Markdown makes of it: no code marks, one blank where there is any white space."""
    return " ".join(text.replace("`", "").replace("\\|", "|").split())
