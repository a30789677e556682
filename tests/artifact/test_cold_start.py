"""What an execution environment loads before its first event: what its door needs, and no more."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.artifact.built import LAMBDA_PYTHON, folder

PROBE = """
import json, sys
import boto3
before = set(sys.modules)
__import__(sys.argv[1])
print(json.dumps(sorted(set(sys.modules) - before)))
"""
READING = ["pyarrow", "dropscore.domain.features", "dropscore.domain.results", "dropscore.files.work"]
ANSWERING = [
    "pydantic",
    "asyncio",
    "aws_lambda_powertools.event_handler",
    "dropscore.api",
    "dropscore.predict",
]
LEDGER = ["dropscore.bootstrap", "dropscore.aws.ledger", "dropscore.aws.transforms", "dropscore.prepare"]


def loaded(module: str) -> list[str]:
    """The modules that importing one loads beyond boto3's."""
    ran = subprocess.run(
        [LAMBDA_PYTHON, "-B", "-c", PROBE, module],
        cwd=folder(),
        env={},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.mark.parametrize(
    ("door", "without", "most"),
    [
        ("prepare", [*READING, *ANSWERING], 120),
        ("collect", [*READING, *ANSWERING], 120),
        ("sweep", [*READING, *ANSWERING], 120),
        ("results_api", [*READING, "dropscore.predict", "dropscore.bootstrap"], 300),
        ("predict", ["pydantic", "asyncio", "aws_lambda_powertools.event_handler", *LEDGER], 120),
        ("files", [*ANSWERING, *LEDGER], 140),
    ],
)
def test_a_door_loads_what_it_needs(door, without, most):
    modules = loaded(f"dropscore.handlers.{door}")

    assert [name for name in modules if name in without] == []
    assert len(modules) <= most
