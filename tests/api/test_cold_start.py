"""What an execution environment loads before it can answer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FUNCTIONS = Path(__file__).parents[2] / "functions"
PROBE = """
import json, sys
from moto import mock_aws
with mock_aws():
    from dropscore.handlers import results_api
    from tests.api.asking import Context, request
    for target in json.loads(sys.argv[1]):
        results_api.handler(request(target), Context())
print(json.dumps([name for name in ("pyarrow", "dropscore.bootstrap") if name in sys.modules]))
"""
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "RESULTS_BUCKET": "results",
    "LEDGER_TABLE": "ledger",
    "MODEL_PACKAGE_GROUP": "dropscore",
    "API_AUTH": "IAM",
    "PYTHONPATH": f"{FUNCTIONS}:{FUNCTIONS.parent}",
}


@pytest.mark.parametrize(
    "targets", ['["/health", "/drops", "/", "/docs", "/openapi.json", "/models", "/jobs/j"]']
)
def test_only_who_reads_rows_waits_for_pyarrow(targets):
    ran = subprocess.run(
        [sys.executable, "-c", PROBE, targets], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-1] == "[]"
