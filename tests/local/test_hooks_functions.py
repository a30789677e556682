"""How functions are run and fed: batches, their interpreter, their environment, their code."""

from __future__ import annotations

import io
import json
import os
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local.hooks.function_runtime import _UnpackedOnce
from local.server import scrub_environment
from local.server_process import FUNCTION_PYTHON
from tests.local.builders import eventually, unique

FILES = 60

WAITS = """
import pathlib, time

def handler(event, context):
    pathlib.Path(event["started"]).touch()
    while not pathlib.Path(event["go"]).exists():
        time.sleep(0.05)
    return "ended"
"""


def test_a_mappings_concurrency_may_come_from_a_parameter(embedded: Any) -> None:
    functions, cloudformation, name = (
        embedded.client("lambda"),
        embedded.client("cloudformation"),
        unique("many"),
    )
    function = embedded.outputs["Function"]
    (mapping,) = functions.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    properties = {
        "FunctionName": function,
        "EventSourceArn": mapping["EventSourceArn"],
        "Enabled": False,
        "ScalingConfig": {"MaximumConcurrency": {"Ref": "AtOnce"}},
    }
    template = {
        "Parameters": {"AtOnce": {"Type": "Number", "Default": 3}},
        "Resources": {"M": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": properties}},
    }

    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 0.1})

    mappings = functions.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    cloudformation.delete_stack(StackName=name)
    assert [
        found["ScalingConfig"]["MaximumConcurrency"] for found in mappings if "ScalingConfig" in found
    ] == [3]


@pytest.fixture(scope="module")
def batches(embedded: Any) -> list[dict[str, Any]]:
    """What the toy function saw of many files that were all there before it was asked."""
    s3, functions, marker = embedded.client("s3"), embedded.client("lambda"), unique("many")
    (mapping,) = functions.list_event_source_mappings()["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    for number in range(FILES):
        s3.put_object(Bucket=embedded.outputs["Inbox"], Key=f"{marker}/{number}.parquet", Body=b"x")
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)

    def ours() -> list[dict[str, Any]] | None:
        found = []
        for entry in s3.list_objects_v2(Bucket=embedded.outputs["Work"], Prefix="seen/").get("Contents", []):
            body = s3.get_object(Bucket=embedded.outputs["Work"], Key=entry["Key"])["Body"].read()
            if marker.encode() in body and body.startswith(b"{"):
                found.append(json.loads(body))
        return found if sum(len(keys(one, marker)) for one in found) == FILES else None

    return eventually(ours)


def keys(seen: dict[str, Any], marker: str = "") -> list[str]:
    """The keys that one invocation was told of."""
    bodies = [json.loads(record["body"]) for record in seen["event"]["Records"]]
    told = [entry["s3"]["object"]["key"] for body in bodies for entry in body.get("Records", [])]
    return [key for key in told if marker in key]


def test_a_batch_gathers_more_than_ten_messages_for_its_window(batches: list[dict[str, Any]]) -> None:
    sizes = [len(keys(seen)) for seen in batches]

    assert sum(sizes) >= FILES
    assert len(sizes) <= 4
    assert max(sizes) > 10


def test_a_function_runs_where_only_lambdas_packages_are(batches: list[dict[str, Any]]) -> None:
    assert {seen["python"] for seen in batches} == {str(FUNCTION_PYTHON)}
    assert {tuple(seen["importable"]) for seen in batches} == {()}


def test_a_function_gets_its_roles_keys_and_nothing_of_the_launchers(batches: list[dict[str, Any]]) -> None:
    environment = batches[0]["environment"]

    assert environment["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert "AWS_PROFILE" not in environment
    assert "PYTHONPATH" not in environment


def test_the_launcher_forgets_the_callers_aws_settings_and_import_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "environ", os.environ.copy())
    os.environ |= {
        "AWS_PROFILE": "mine",
        "AWS_ENDPOINT_URL": "https://x",
        "PYTHONPATH": "/mine",
        "KEPT": "yes",
    }

    scrub_environment(os.environ)

    assert not [name for name in os.environ if name.startswith("AWS_") or name == "PYTHONPATH"]
    assert os.environ["KEPT"] == "yes"


def test_workers_that_start_at_once_unpack_their_code_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    start = threading.Barrier(8)

    def work(number: int) -> Path:
        packed, folder = tmp_path / f"{number}.zip", tmp_path / f"worker-{number}"
        folder.mkdir()
        with zipfile.ZipFile(packed, "w") as archive:
            for module in range(200):
                archive.writestr(f"package/module_{module}.py", "x = 1")
        start.wait(10)
        with _UnpackedOnce(packed) as archive:
            archive.extractall(folder)
        return folder / "package"

    with ThreadPoolExecutor(8) as workers:
        packages = list(workers.map(work, range(8)))

    assert [len(list(package.iterdir())) for package in packages] == [200] * 8
    assert len({package.resolve() for package in packages}) == 1
    assert not list(tmp_path.glob("*.zip"))


def test_workers_share_the_unpacked_code(aws: Any, batches: list[dict[str, Any]]) -> None:
    assert batches
    temporary = aws.folder / "tmp"

    assert len(list(temporary.glob("function-code-*"))) == 1
    files = temporary.glob("ministack-lambda-*/code/*")
    assert all(path.is_symlink() for path in files if path.name != "__pycache__")


def test_an_invocation_ends_although_its_function_changes_meanwhile(aws: Any, tmp_path: Path) -> None:
    functions, name = aws.client("lambda"), unique("waits")
    started, go, code = tmp_path / "started", tmp_path / "go", io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("waits.py", WAITS)
    toy = functions.get_function_configuration(FunctionName=aws.outputs["Function"])
    functions.create_function(
        FunctionName=name,
        Role=toy["Role"],
        Runtime=toy["Runtime"],
        Handler="waits.handler",
        Timeout=60,
        Code={"ZipFile": code.getvalue()},
    )

    def invoke() -> Any:
        event = {"started": str(started), "go": str(go)}
        return json.load(functions.invoke(FunctionName=name, Payload=json.dumps(event))["Payload"])

    with ThreadPoolExecutor(1) as aside:
        answer = aside.submit(invoke)
        eventually(started.exists)
        functions.update_function_configuration(
            FunctionName=name, Environment={"Variables": {"CHANGED": "yes"}}
        )
        go.touch()

        assert answer.result(60) == "ended"
    functions.delete_function(FunctionName=name)
