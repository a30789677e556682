"""Everything works with what is in the artifact, and nothing that is left out is missed."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe

from tests.artifact.built import LAMBDA_PYTHON, REPOSITORY, folder

INSIDE = Path(__file__).with_name("inside.py")


class Kms(pe.KmsClient):
    def __init__(self, _configuration):
        super().__init__()

    def wrap_key(self, key, _name):
        return base64.b64encode(key)


def encrypted(path: Path, *, plaintext_footer: bool) -> None:
    """A file with a column that only who has the key can read."""
    configuration = pe.EncryptionConfiguration(
        footer_key="f", column_keys={"x": ["load"]}, plaintext_footer=plaintext_footer
    )
    properties = pe.CryptoFactory(Kms).file_encryption_properties(pe.KmsConnectionConfig(), configuration)
    now = pa.array([datetime(2026, 3, 4, tzinfo=UTC)])
    rows = pa.table({"ts": now, "load": [1.0], "amount": [1.0], "flag": [True], "device": ["a"]})
    with pq.ParquetWriter(path, rows.schema, encryption_properties=properties) as writer:
        writer.write_table(rows)


def test_files_are_converted_joined_and_read_with_the_artifact_and_lambdas_own_packages_alone(tmp_path):
    for plaintext_footer in (False, True):
        encrypted(tmp_path / f"{plaintext_footer}.encrypted", plaintext_footer=plaintext_footer)
    ran = subprocess.run(
        [LAMBDA_PYTHON, "-B", INSIDE, tmp_path],
        cwd=folder(),
        env={"PYTHONPATH": os.pathsep.join((str(folder()), str(REPOSITORY)))},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert ["encrypted" in why for why in told.pop("refused")] == [True, True]
    libraries = {Path(name) for name in told.pop("libraries")}
    assert told == {
        "first_line": ["0", "0", "0", "1.25", "1"],  # half past midnight in Berlin
        "prepared": [1000, 999, 1],
        "joined": [1000, 999, 1],
        "mean_absolute": 0.5,
        "page": [
            {
                "row": row,
                "ts": f"2026-07-02T06:{row - 450}:00.000000Z",
                "prediction": row + 0.5,
                "actual": float(row),
                "company_id": "1",
                "device": f"device {row % 3}",
            }
            for row in (501, 502)
        ],
        "features": [[0.0, 2.0, 0.5, 0.0]],
    }
    assert {library.parent for library in libraries} == {folder().resolve() / "pyarrow"}
    assert {library.name.partition(".")[0] for library in libraries} >= {"libparquet", "_csv", "_compute"}
