"""Every sample event, handled by the built function that it is for, against a stack of `make local`."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dropscore.aws.ledger import Drops, Jobs, OpenWork, Table
from dropscore.domain.source import Source
from local.built_function import built_function
from local.demo.model import install_sample_model
from local.emulator import Emulator, emulator_program
from local.errors import LocalError, NotInstalledError
from local.hooks.s3_versions import version_id
from local.invoke import EventError, NoStackError, invoke, variables_of
from local.samples.events import write_events
from local.samples.fill import ROWS_WITHOUT_TIME, fill
from local.samples.names import BAD, BATCH, ENDED, FAILED, IN_THE_EVENTS, PUT, QUEUED, READ, UNTOLD, Names
from local.serve import PARAMETERS
from local.signposts import write_signposts
from local.stack import LocalStack
from local.waiting import wait_until
from tests.events.samples import FOLDER, function_of, load, names

LIMIT_SECONDS = 240
SWEPT = {"announced", "resumed", "collected", "stopped", "dispatched"}


def without_emulator() -> bool:
    try:
        emulator_program()
    except NotInstalledError:
        return True
    return False


pytestmark = [
    pytest.mark.skipif(without_emulator(), reason="aws-sam-cli, which brings the emulator, is not installed"),
]


@dataclass
class Bench:
    """A stack with the samples in it, and its functions under the emulator."""

    stack: LocalStack
    names: Names
    folder: Path
    running: ExitStack
    emulators: dict[str, Emulator] = field(default_factory=dict)

    def handle(self, name: str) -> Any:
        """The answer to a sample event."""
        function = function_of(name)
        if function not in self.emulators:
            emulator = Emulator(built_function(function), variables_of(function, self.folder))
            self.emulators[function] = self.running.enter_context(emulator)
        return self.emulators[function].invoke(load(name))

    @property
    def drops(self) -> Drops:
        table = Table(self.stack.client("dynamodb"), self.stack.outputs["LedgerTableName"])
        return Drops(table, OpenWork(table))

    def states(self, *keys: str) -> dict[str, str | None]:
        """The state of the first version of each key's drop."""
        ids = {
            key: Source(self.names.inbox, key, version_id(self.names.inbox, key, 1)).drop_id for key in keys
        }
        found = {key: self.drops.get(drop_id) for key, drop_id in ids.items()}
        return {key: drop and drop.state.value for key, drop in found.items()}

    def job(self, name: str) -> str:
        table = Table(self.stack.client("dynamodb"), self.stack.outputs["LedgerTableName"])
        job = Jobs(table, OpenWork(table), self.drops).get(name)
        assert job is not None
        return job.state.value

    def becomes(self, states: dict[str, str]) -> None:
        assert wait_until(lambda: self.states(*states) == states, LIMIT_SECONDS), self.states(*states)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("told") / ".local"
    with LocalStack(PARAMETERS) as stack, ExitStack() as running:
        install_sample_model(stack)
        filled = fill(stack)
        write_signposts(stack, "http://127.0.0.1:1/", folder)
        yield Bench(stack, filled, folder, running)


def test_what_the_committed_events_name_is_what_the_stack_has(bench: Bench, tmp_path: Path) -> None:
    assert bench.names == IN_THE_EVENTS
    assert [path.read_text() for path in write_events(bench.names, tmp_path)] == [
        (FOLDER / path.name).read_text() for path in sorted(tmp_path.iterdir())
    ]


def test_nobody_has_been_told_of_what_waits_for_an_event(bench: Bench) -> None:
    assert bench.states(*UNTOLD) == dict.fromkeys(UNTOLD)
    assert bench.states(ENDED, FAILED, READ) == {ENDED: "SCORING", FAILED: "SCORING", READ: "SCORED"}
    assert (bench.job(bench.names.ended), bench.job(bench.names.failed)) == ("STARTED", "STARTED")


def test_the_sweep_leaves_it_alone(bench: Bench) -> None:
    assert bench.handle("sweep.json") == dict.fromkeys(SWEPT, 0)
    assert bench.job(bench.names.ended) == "STARTED"


def prepared(answer: Any) -> bool:
    (drop,) = answer["drops"]
    return (drop["state"], drop["reason"]) == ("PREPARED", None)


def acknowledged(answer: Any) -> bool:
    return answer == {"batchItemFailures": []}


def collects(job: str) -> Callable[[Any], bool]:
    return lambda answer: answer == {"job": job, "state": "STARTED", "drops": 1}


def says(status: int, *parts: str) -> Callable[[Any], bool]:
    return lambda answer: answer["statusCode"] == status and all(part in text_of(answer) for part in parts)


def text_of(answer: Any) -> str:
    """The body, as API Gateway would send it."""
    body = answer["body"]
    return base64.b64decode(body).decode() if answer.get("isBase64Encoded") else body


ANSWERS: dict[str, Callable[[Any], bool]] = {
    "s3-put.json": prepared,
    "s3-put-sqs.json": acknowledged,
    "s3-put-batch.json": acknowledged,
    "s3-test-event.json": acknowledged,
    "transform-completed.json": collects(IN_THE_EVENTS.ended),
    "transform-completed-sqs.json": acknowledged,
    "transform-failed.json": collects(IN_THE_EVENTS.failed),
    "sweep.json": lambda answer: set(answer) == SWEPT,
    "predict.json": says(200, '"predictions": [', '"model_version": 1'),
    "predict-rows.json": says(200, '"predictions": [', '"model_version": 1'),
    "api-docs.json": says(200, "<!doctype html>"),
    "api-drop.json": says(200, f'"source_key":"{READ}"', '"rows_rejected":3'),
    "api-drops.json": says(200, f'"drop_id":"{IN_THE_EVENTS.drop}"'),
    "api-health.json": says(200, '{"status":"ok"}'),
    "api-job.json": says(200, IN_THE_EVENTS.job, '"state":"DONE"'),
    "api-models.json": says(200, '"scores_now":{"model_version":1,'),
    "api-openapi.json": says(200, '"openapi":'),
    "api-page.json": says(200, "<!doctype html>"),
    "api-predictions.json": lambda answer: answer["statusCode"] == 200 and bool(answer["body"]),
    "api-predictions-csv.json": says(200, "row,ts,prediction,actual,company_id,sensor_id,device_id\r\n"),
    "api-predictions-download.json": lambda answer: answer["statusCode"] == 303,
    "api-rejects.json": says(200, *(f'"row":{row},' for row in ROWS_WITHOUT_TIME)),
    "api-unknown.json": says(404, "Nothing is at this address."),
}


def test_every_event_is_tried() -> None:
    assert sorted(ANSWERS) == names()


@pytest.mark.parametrize("name", ANSWERS)
def test_the_artifact_answers(bench: Bench, name: str) -> None:
    answer = bench.handle(name)
    assert ANSWERS[name](answer), answer


def test_the_work_that_the_events_began_is_finished_by_the_stack(bench: Bench) -> None:
    scored = (PUT, QUEUED, *BATCH, ENDED, FAILED, READ)
    bench.becomes({**dict.fromkeys(scored, "SCORED"), BAD: "REJECTED"})
    assert (bench.job(bench.names.ended), bench.job(bench.names.failed)) == ("DONE", "FAILED")


def test_an_event_is_answered_the_second_time_too(bench: Bench) -> None:
    bench.becomes({PUT: "SCORED"})
    (again,) = bench.handle("s3-put.json")["drops"]

    assert again["state"] == "SCORED"
    assert '"message":"drop is seen to already"' in bench.emulators["PrepareFunction"].log
    assert bench.handle("transform-completed.json")["state"] == "DONE"


def test_a_function_is_invoked_by_hand_with_its_log_beside_the_answer(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = invoke("SweepFunction", FOLDER / "sweep.json", bench.folder)

    said = capsys.readouterr().err
    assert set(answer) == SWEPT
    assert "SweepFunction handles" in said
    assert "(300 s and 1,769 MB) ..." in said
    assert '"message":"swept"' in said
    assert "s of it to start:" in said
    assert "(rapid)" not in said


def test_what_is_not_there_is_said(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(
        LocalError, match="the stack has no function 'Sweep'; there are CollectFunction, Predict"
    ):
        invoke("Sweep", FOLDER / "sweep.json", bench.folder)
    with pytest.raises(
        EventError, match=r"none\.json cannot be read .No such file or directory.: events/README"
    ):
        invoke("SweepFunction", tmp_path / "none.json", bench.folder)
    with pytest.raises(EventError, match=r"broken\.json is not JSON"):
        invoke("SweepFunction", tmp_path / "broken.json", bench.folder)
    with pytest.raises(NoStackError, match="no local stack is up in this folder: run `make local`"):
        invoke("SweepFunction", FOLDER / "sweep.json", tmp_path)
    gone = shutil.copytree(bench.folder, tmp_path / "gone")
    told = json.loads((gone / "stack.json").read_text())
    (gone / "stack.json").write_text(json.dumps({**told, "endpoint_url": "http://127.0.0.1:9"}))
    with pytest.raises(NoStackError, match="no local stack is up"):
        invoke("SweepFunction", FOLDER / "sweep.json", gone)
