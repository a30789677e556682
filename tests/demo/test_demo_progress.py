"""Saying how far the demo is, with and without a terminal."""

import io

import pytest
from rich.console import Console

from local.demo.progress import DemoProgress


def shown(**options):
    out = io.StringIO()
    progress = DemoProgress(Console(file=out, width=100, **options))
    with progress.bar("scoring", 3) as advance:
        advance(1, "1 SCORED")
        advance(3, "3 SCORED")
    return out.getvalue()


def test_without_a_terminal_there_is_one_plain_line():
    assert shown() == "scoring: 3 SCORED\n"


def test_a_terminal_gets_a_bar(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)

    text = shown(force_terminal=True, _environ={"TERM": "xterm-256color"})

    assert "3/3" in text
    assert "\x1b[" in text


def test_no_color_gets_no_colour():
    text = shown(force_terminal=True, _environ={"TERM": "xterm-256color", "NO_COLOR": "1"})

    assert "\x1b[3" not in text


@pytest.mark.parametrize("words", ["a [bold]name[/bold]", "100 %"])
def test_lines_are_said_as_they_are(words):
    out = io.StringIO()

    DemoProgress(Console(file=out, width=10)).say(words)

    assert out.getvalue() == words + "\n"
