"""How the embedded server comes, goes, and leaves nothing behind; and what the command line says."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local.clients import make_client
from local.errors import DeployError, LocalError, NotBuiltError, PortInUseError
from local.serve import PARAMETERS, serve
from local.server_process import REPOSITORY, ServerProcess
from local.signposts import FOLDER, OUTPUTS
from local.stack import STACK_NAME, LocalStack
from tests.local.builders import eventually
from tests.local.conftest import TOY
from tests.local.http_api import ask

STARTER = """
import sys, time
from local.server_process import ServerProcess
server = ServerProcess().start()
print(server.pid, server.folder, flush=True)
time.sleep(100)
"""


def is_gone(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return True
    return False


def group_is_gone(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_leaving_the_block_ends_every_process_and_removes_every_file() -> None:
    with ServerProcess() as server:
        process_id, folder = server.pid, server.folder
        assert server.client("s3").list_buckets()["Buckets"] == []

    assert group_is_gone(process_id)
    assert not folder.exists()


def test_the_server_ends_with_whoever_started_it() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTER], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        process_id, folder = starter.stdout.readline().split()
        starter.send_signal(signal.SIGKILL)

    assert eventually(lambda: is_gone(int(process_id)))
    assert eventually(lambda: not Path(folder).exists())


def test_the_callers_aws_settings_play_no_part(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {
        "AWS_PROFILE": "nobody",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "AKIAMINE",
        "AWS_REGION": "eu-west-1",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    identity = make_client("sts", aws.endpoint_url, aws.region).get_caller_identity()

    assert identity["Arn"] == "arn:aws:iam::123456789012:root"
    assert {name: os.environ[name] for name in settings} == settings


def test_a_port_in_use_is_said_to_be() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(PortInUseError, match=rf"port {port} cannot be used.*choose another"):
            ServerProcess(port).start()


def test_functions_that_are_not_built_are_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(NotBuiltError, match="make build"):
        LocalStack(template_file=tmp_path / "template.yaml").start()


def test_a_template_that_cannot_be_deployed_says_which_resource_and_why(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(
        TOY.read_text().replace("ModelPackageGroupDescription:", "ModelPackageGroupDescripton:")
    )
    (tmp_path / "code").symlink_to(TOY.parent / "code")

    with pytest.raises(DeployError, match=r"Group: .*ModelPackageGroupDescripton"):
        LocalStack(template_file=tmp_path / "template.yaml").start()


def test_the_control_route_asks_for_the_secret(aws: Any) -> None:
    stranger = ServerProcess()
    stranger.endpoint_url = aws.endpoint_url

    with pytest.raises(ValueError, match="secret"):
        stranger.change_faults(instance_quota=0)
    assert aws.faults()["instance_quota"] > 0


def test_the_command_line_says_in_one_line_what_is_wrong() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wrong_port = run("serve", PORT=str(taken.getsockname()[1]))

    assert wrong_port.returncode == 1
    assert wrong_port.stderr.startswith("error: ")
    assert len(wrong_port.stderr.splitlines()) == 1
    assert run("serve", "--parameter", "nonsense").returncode == 2


def test_the_stack_is_kept_up_until_interrupted_with_its_outputs_in_a_file(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from local.serve import serve; "
        f"serve(0, {{}}, {{}}, Path({str(tmp_path)!r}))"
    )
    own = {name: value for name, value in os.environ.items() if name != "DOCKER_HOST"}
    callers = {
        "AWS_PROFILE": "nobody",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "theirs",
    }
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env={**own, **callers},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        outputs = json.loads(eventually(lambda: read(tmp_path / "outputs.json"), 60))
        reached = make_client("s3", outputs["EndpointUrl"], outputs["Region"]).list_buckets()["Buckets"]
        drops = ask(f"{outputs['ResultsPageUrl']}drops")
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("*.json")}
        described, variables = (json.loads(read(tmp_path / name)) for name in ("stack.json", "env.json"))
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=120)

    assert drops.json == {"drops": [], "next_cursor": None}
    assert {PARAMETERS["InboxBucketName"], outputs["WorkBucketName"]} <= {one["Name"] for one in reached}
    assert {"AccessKeyId", "SecretAccessKey", "LedgerTableName"} <= set(outputs)
    assert modes == {"outputs.json": 0o600, "stack.json": 0o600, "env.json": 0o600}
    assert described["outputs"]["InboxBucketName"] == outputs["InboxBucketName"]
    assert (described["endpoint_url"], described["stack_name"]) == (outputs["EndpointUrl"], STACK_NAME)
    assert described["access_key_id"] == outputs["AccessKeyId"]
    assert set(variables) == {
        f"{name}Function" for name in ("Prepare", "Collect", "Sweep", "ResultsApi", "Predict")
    }
    assert variables["SweepFunction"]["AWS_ENDPOINT_URL"] == described["container_endpoint_url"]
    assert variables["SweepFunction"]["LEDGER_TABLE"] == outputs["LedgerTableName"]
    assert f"See what becomes of it at {outputs['ResultsPageUrl']}\n" in said
    assert f"aws s3 cp FILE.parquet s3://{outputs['InboxBucketName']}/" in said
    assert process.returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["sample"]


def test_a_second_stack_leaves_the_first_and_its_outputs_alone(tmp_path: Path) -> None:
    outputs = tmp_path / "outputs.json"
    with ServerProcess() as first:
        outputs.write_text(json.dumps({"EndpointUrl": first.endpoint_url}))
        with pytest.raises(LocalError, match="is up already at"):
            serve(0, {}, {}, tmp_path)
        assert outputs.exists()


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def test_the_outputs_are_where_others_look_for_them() -> None:
    assert Path(".local/outputs.json") == FOLDER / OUTPUTS
