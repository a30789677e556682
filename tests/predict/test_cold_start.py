"""What an execution environment loads before it can predict."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FUNCTIONS = Path(__file__).parents[2] / "functions"
PROBE = """
import sys
import dropscore.handlers.predict
heavy = ("pydantic", "dropscore.bootstrap", "aws_lambda_powertools.event_handler")
print([name for name in heavy if name in sys.modules])
"""


def test_who_predicts_does_not_wait_for_what_answers_readers() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROBE],
        env={"PYTHONPATH": str(FUNCTIONS)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.splitlines() == ["[]"], ran.stderr
