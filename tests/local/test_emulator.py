"""A built function under the Runtime Interface Emulator."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from local.built_function import BuiltFunction, built_function
from local.emulator import Emulator, emulator_program
from local.errors import FunctionError, NotBuiltError, NotInstalledError, StartError
from tests.local.builders import eventually

TOY = """
import os
import time


def handler(event, context):
    match event:
        case {"raise": message}:
            raise ValueError(message)
        case {"sleep": seconds}:
            time.sleep(seconds)
        case {"variable": name}:
            return os.environ.get(name)
    return {"answered": event, "left": context.get_remaining_time_in_millis()}
"""
TEMPLATE = """
Parameters:
  Memory: {Type: Number, Default: 512}
Globals:
  Function:
    Timeout: 7
    MemorySize: !Ref Memory
    Environment: {Variables: {LEVEL: INFO, ENDPOINT: "", BUCKET: !Ref Bucket}}
Resources:
  Bucket: {Type: AWS::S3::Bucket}
  Toy:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: Toy
      Handler: toy.handler
      Environment: {Variables: {LEVEL: DEBUG}}
"""


def needs_emulator() -> None:
    try:
        emulator_program()
    except NotInstalledError as missing:
        pytest.skip(str(missing))


@pytest.fixture
def toy(tmp_path: Path) -> BuiltFunction:
    needs_emulator()
    (tmp_path / "toy.py").write_text(TOY)
    return BuiltFunction("Toy", tmp_path, "toy.handler", timeout_seconds=1)


@pytest.fixture
def emulator(toy: BuiltFunction) -> Iterator[Emulator]:
    with Emulator(toy, {"MINE": "yes"}) as emulator:
        yield emulator


def test_it_answers_one_event_after_the_other_and_says_how_long_it_took_to_start(emulator):
    with pytest.raises(StartError, match="invoke it first"):
        _ = emulator.init_seconds

    answers = [emulator.invoke({"n": n}) for n in range(3)]

    assert [answer["answered"] for answer in answers] == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert all(0 < answer["left"] <= 1000 for answer in answers)
    assert emulator.init_seconds > 0


def test_events_of_several_threads_are_handled_one_at_a_time(emulator):
    answers = []
    threads = [threading.Thread(target=lambda n=n: answers.append(emulator.invoke(n))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)

    assert sorted(answer["answered"] for answer in answers) == [*range(8)]


def test_an_error_of_the_function_is_raised_and_the_next_event_is_answered(emulator):
    with pytest.raises(FunctionError, match=r"Toy: ValueError: no such thing\n.*toy.py"):
        emulator.invoke({"raise": "no such thing"})

    assert emulator.invoke([])["answered"] == []


def test_a_function_that_takes_longer_than_its_timeout_is_ended(emulator):
    with pytest.raises(FunctionError, match=r"Toy: Task timed out after 1.00 seconds"):
        emulator.invoke({"sleep": 60})

    assert emulator.invoke({})["answered"] == {}


def test_it_has_what_the_caller_gives_it_and_nothing_of_the_callers_own(emulator):
    assert emulator.invoke({"variable": "MINE"}) == "yes"
    assert emulator.invoke({"variable": "AWS_LAMBDA_FUNCTION_NAME"}) == "Toy"
    assert emulator.invoke({"variable": "HOME"}) is None


def test_a_function_that_does_not_start_says_why(toy):
    missing = pytest.raises(FunctionError, match="No module named 'toys'")
    with Emulator(replace(toy, handler="toys.handler")) as emulator, missing:
        emulator.invoke({})


def ended(process):
    try:
        return process.joinpath("stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_nothing_is_left_of_it(toy):
    with Emulator(toy) as emulator:
        emulator.invoke({})
        process = Path("/proc", str(emulator.process_id))
        folder = Path(emulator._folder.name)

    eventually(lambda: ended(process))
    assert not folder.exists()
    assert [path.name for path in toy.folder.iterdir()] == ["toy.py"]


def test_the_template_says_how_a_function_runs(tmp_path):
    (tmp_path / "Toy").mkdir()
    (tmp_path / "template.yaml").write_text(TEMPLATE)

    found = built_function("Toy", tmp_path / "template.yaml")

    variables = {"LEVEL": "DEBUG", "ENDPOINT": "", "BUCKET": None}
    assert found == BuiltFunction("Toy", tmp_path / "Toy", "toy.handler", 7, 512, variables)
    with pytest.raises(StartError, match="Toy needs values for BUCKET"):
        Emulator(found)
    with pytest.raises(NotBuiltError, match="no function 'Tay'; there are Toy"):
        built_function("Tay", tmp_path / "template.yaml")


def test_without_sam_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr("local.emulator.find_spec", lambda _name: None)
    with pytest.raises(NotInstalledError, match="make setup"):
        emulator_program()


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("PrepareFunction", {"Event": "s3:TestEvent"}),
        ("CollectFunction", {}),
        ("SweepFunction", {"retry": []}),
        ("PredictFunction", {"rawPath": "/predict", "headers": {}, "body": ""}),
    ],
)
def test_each_built_function_starts_and_answers(name, event):
    needs_emulator()
    function = built_function(name)
    missing = {variable: "none" for variable, value in function.environment.items() if value is None}
    with Emulator(function, missing) as emulator:
        assert isinstance(emulator.invoke(event), dict)
