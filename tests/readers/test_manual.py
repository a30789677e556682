"""docs/readers.md: its commands are run as they stand, against a stack such as `make local` brings up."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import dataset

from dropscore.domain.drop import Drop
from dropscore.domain.source import Source
from local.demo.sensor_month import SENSOR_MONTH_KEY, write_sensor_month
from local.signposts import write_outputs
from tests.flow.flow import Flow
from tests.readers.manual import blocks, client, policy

REPOSITORY = Path(__file__).parents[2]


needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")


@pytest.fixture(scope="module")
def folder(deployed: Flow, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the reader stands: a folder in which `make local` has been run."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / ".venv").symlink_to(REPOSITORY / ".venv")
    write_outputs(deployed.stack, "http://127.0.0.1:1/", folder / ".local" / "outputs.json")
    write_sensor_month(folder / ".local" / "sample")
    return folder


def shell(folder: Path, *lines: str, **environment: str) -> str:
    """What bash prints; it must succeed."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(lines)],  # noqa: S607
        cwd=folder,
        env={**own, "no_proxy": "127.0.0.1", **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def month(deployed: Flow, folder: Path) -> Drop:
    """The manual's sample, dropped as the manual says."""
    flow = deployed
    set_up, put, *_ = blocks("bash")
    shell(folder, set_up, put)
    versions = flow.s3.list_object_versions(Bucket=flow.inbox, Prefix=SENSOR_MONTH_KEY)["Versions"]
    (drop,) = flow.wait(Source(flow.inbox, SENSOR_MONTH_KEY, versions[0]["VersionId"]).drop_id)
    assert drop.state == "SCORED"
    return drop


@pytest.fixture(scope="module")
def shown(folder: Path, month: Drop) -> list[str]:
    """What each of the blocks for curl prints, once there is something to read."""
    assert month.state == "SCORED"
    set_up, _, *reading = blocks("bash")
    marked = [f"{block}\necho; echo '--- end ---'" for block in reading]
    return shell(folder, set_up, *marked).split("--- end ---\n")


@needs_curl
def test_curl_finds_the_newest_result(shown: list[str], month: Drop) -> None:
    (drop,) = json.loads(shown[0])["drops"]
    assert (drop["drop_id"], drop["state"]) == (month.drop_id, "SCORED")


@needs_curl
def test_curl_shows_rows_as_csv(flow: Flow, shown: list[str], month: Drop) -> None:
    rows = pd.read_csv(io.StringIO(shown[1].strip()), parse_dates=["ts"])
    result = flow.result(month).to_pandas().head(3)
    assert rows["prediction"].tolist() == result["prediction"].tolist()
    assert rows["ts"].tolist() == result["ts"].tolist()
    (printed,) = blocks("text", "csv")
    pd.testing.assert_frame_equal(pd.read_csv(io.StringIO(printed), parse_dates=["ts"]), rows)


@needs_curl
@pytest.mark.usefixtures("shown")
def test_curl_downloads_the_whole_result(flow: Flow, folder: Path, month: Drop) -> None:
    assert pq.read_table(folder / "result.parquet").equals(flow.result(month))


@needs_curl
@pytest.mark.usefixtures("shown")
def test_duckdb_reads_the_downloaded_file(folder: Path, month: Drop) -> None:
    (query,) = blocks("sql", "file")
    (found,) = duckdb.sql(query.replace("result.parquet", str(folder / "result.parquet"))).fetchall()
    assert found[0] == month.rows_scored
    assert month.errors is not None
    assert found[1] == pytest.approx(month.errors.mean_absolute)


@pytest.mark.usefixtures("reader")
def test_the_lines_for_python_read_the_same(
    flow: Flow, month: Drop, capsys: pytest.CaptureFixture[str]
) -> None:
    namespace: dict[str, object] = {}
    for block in blocks("python"):
        exec(block, namespace)  # noqa: S102 - the manual's own lines
    result = flow.result(month)

    assert namespace["newest"]["drop_id"] == month.drop_id
    frame = pa.Table.from_pandas(namespace["frame"], preserve_index=False)
    assert frame.column_names == result.column_names
    assert frame["prediction"].equals(result["prediction"])
    seen = namespace["predictions"].count_rows(filter=dataset.field("drop_id") == month.drop_id)
    assert seen == month.rows_scored
    assert re.search(r"│ model_version │ +rows +│", capsys.readouterr().out)


@pytest.mark.usefixtures("reader")
def test_a_reader_of_pages_gets_every_row_once(flow: Flow, month: Drop) -> None:
    api = client().Dropscore(flow.stack.outputs["ResultsApiUrl"], client().Signed())

    rows = list(api.rows(month.drop_id, columns="row,prediction", limit=10_000))

    result = flow.result(month)
    assert [row["row"] for row in rows] == result["row"].to_pylist()
    assert [row["prediction"] for row in rows] == result["prediction"].to_pylist()


@pytest.fixture
def reader(flow: Flow) -> Iterator[None]:
    """The variables that the manual sets."""
    with keys(
        flow,
        AWS_ACCESS_KEY_ID=flow.stack.credentials.access_key_id,
        AWS_SECRET_ACCESS_KEY=flow.stack.credentials.secret_access_key,
    ):
        yield


@contextmanager
def keys(flow: Flow, **given: str) -> Iterator[None]:
    others = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    variables = {
        "API": flow.stack.outputs["ResultsApiUrl"],
        "RESULTS": flow.stack.outputs["ResultsBucketName"],
        "AWS_DEFAULT_REGION": flow.stack.region,
        "AWS_ENDPOINT_URL": flow.stack.endpoint_url,
        "NO_PROXY": "127.0.0.1",
    }
    with patch.dict(os.environ, {**others, **variables, **given}, clear=True):
        yield


def role_with(flow: Flow, name: str, path: str) -> dict[str, str]:
    """Temporary keys of a role that has the API manual's policy, for paths that match."""
    iam = flow.stack.client("iam")
    account = flow.stack.client("sts").get_caller_identity()["Account"]
    trust = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )["Role"]
    api_id = flow.stack.outputs["ResultsApiUrl"].rstrip("/").rpartition("/")[2]
    document = policy().replace("API/$default/*", f"{api_id}/$default/{path}")
    iam.put_role_policy(RoleName=name, PolicyName="reads", PolicyDocument=document)
    found = flow.stack.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="reader")["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": found["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": found["SecretAccessKey"],
        "AWS_SESSION_TOKEN": found["SessionToken"],
    }


@needs_curl
def test_curl_reads_with_temporary_keys_of_a_role_that_has_the_manual_s_policy(
    flow: Flow, folder: Path, month: Drop
) -> None:
    keys_of_role = role_with(flow, "reads-all", "*")
    get = next(block for block in blocks("bash") if block.startswith("get()"))

    said = shell(folder, get, **keys_of_role, **where(flow))

    assert json.loads(said)["drops"][0]["drop_id"] == month.drop_id


def test_a_policy_for_one_path_is_good_for_no_other(flow: Flow, month: Drop) -> None:
    with keys(flow, **role_with(flow, "reads-rejects", "GET/drops/*/rejects")):
        api = client().Dropscore(flow.stack.outputs["ResultsApiUrl"], client().Signed())
        assert api.get(f"drops/{month.drop_id}/rejects").json()["rejects"] == []
        with pytest.raises(Exception, match="403"):
            api.get("drops")


def where(flow: Flow) -> dict[str, str]:
    return {"API": flow.stack.outputs["ResultsApiUrl"], "AWS_DEFAULT_REGION": flow.stack.region}
