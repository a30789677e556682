"""The demo: the main job, end to end, on the embedded AWS."""

from __future__ import annotations

import signal
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from dropscore.aws.clients import AwsError
from dropscore.domain.drop import Drop, DropState
from local.demo.drops import NotFinishedError, put, wait_until_final
from local.demo.files import DemoInputError, DropFile, find_drops
from local.demo.logs import save_logs
from local.demo.model import TrainingChoice, Wish, choose_training_data, install, train_model
from local.demo.panels import draw_results
from local.demo.progress import DemoProgress
from local.demo.reader import Reader
from local.demo.report import report
from local.demo.results import (
    fetch_results,
    measure_errors,
    write_predictions,
    write_rejects,
    write_summary,
)
from local.demo.sensor_month import write_sensor_month
from local.demo.traffic import HeldBack, Task, traffic_task
from local.errors import LocalError
from local.stack import LocalStack

PREDICTIONS, SUMMARY, CHART = "predictions.parquet", "summary.json", "chart.png"
REJECTS, LOGS = "rejects.parquet", "logs"


class StackTroubleError(LocalError):
    """A call to the embedded AWS was refused or not answered (nobody can act but who finds out why)."""


class ScoringFailedError(LocalError):
    """A drop ended FAILED (the reader can act: the message names the reason and where the logs are)."""


@dataclass(frozen=True)
class DemoRequest:
    """What the demo is asked to do.

    Attributes
    ----------
    given
        A parquet file or a folder of such; None: the generated month.
    out
        Folder for the results.
    wish
        Features and target of the model.
    task
        Which of the two demos.
    limit_seconds
        How long the drops may take.
    """

    given: Path | None
    out: Path
    wish: Wish
    limit_seconds: float
    task: Task = Task.SENSOR


def run_demo(request: DemoRequest, console: Console) -> None:
    """Train, drop, wait, collect, and say how it went.

    Parameters
    ----------
    request
        What to do.
    console
        Where to say it; without a terminal there is no moving bar.

    Raises
    ------
    LocalError, DropscoreError
        The demo did not end well; the message says what to do.
    """
    # Ended from outside as if by Ctrl-C, so that the stack and the temporary folder go too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _run(request, console)
    except AwsError as error:
        raise StackTroubleError(f"the embedded AWS did not do as asked, run it again ({error})") from error


def _run(request: DemoRequest, console: Console) -> None:
    """The demo, from the files to the summary."""
    started, progress = time.monotonic(), DemoProgress(console)
    with tempfile.TemporaryDirectory(prefix="dropscore-demo-") as name:
        folder = Path(name)
        files, choice, held_back = _material(request, folder, progress)
        progress.say(f"training on {choice.source}")
        with ThreadPoolExecutor(1) as beside:
            trained = beside.submit(train_model, choice, folder / "model")
            progress.say("starting the embedded AWS and deploying template.yaml")
            with LocalStack(parameters={**_parameters(len(files)), **request.task.parameters}) as stack:
                model = install(stack, trained.result(), choice)
                reader = Reader(stack.results_api())
                awake = beside.submit(reader.wake)
                drops = _score(stack, files, request, progress)
                awake.result()
                progress.say("fetching the results through the results API, as a reader does")
                results = fetch_results(reader, drops, folder)
                rejected = write_rejects(reader, drops, request.out / REJECTS)
        write_predictions(results, request.out / PREDICTIONS)
        errors = held_back.measure_errors(results) if held_back else measure_errors(results)
        draw_results(results, model, errors, request.out / CHART)
        write_summary(drops, model, errors, time.monotonic() - started, request.out / SUMMARY)
    made = [PREDICTIONS, SUMMARY, CHART, *([REJECTS] if rejected else [])]
    report(console, drops, model, errors, f"{request.out}/{', '.join(made)}")
    _raise_if_failed(drops, request.out)


def _material(
    request: DemoRequest, folder: Path, progress: DemoProgress
) -> tuple[list[DropFile], TrainingChoice, HeldBack | None]:
    """What is dropped, what is trained on, and what was held back to measure by."""
    if request.task is Task.TRAFFIC:
        if request.given or request.wish != Wish():
            raise DemoInputError(
                "TASK=traffic brings its own files, features and target: leave the other settings out"
                " (docs/training.md says how to train on traffic files of yours)"
            )
        task = traffic_task(folder)
        return _files(task.drops, request.out, progress), task.choice, task.held_back
    month = write_sensor_month(folder / "month")
    files = _files(request.given or folder / "month", request.out, progress)
    return files, choose_training_data([file.path for file in files], request.wish, month), None


def _parameters(files: int) -> dict[str, str]:
    """Short, since a person waits: one file is scored at once, several get time to come together.

    And no throttling: all results of a folder are fetched at once.
    """
    windows = {"BatchWindowSeconds": "1", "JobWindowSeconds": "0" if files == 1 else "3"}
    return {**windows, "ApiRateLimit": "10000", "ApiBurstLimit": "5000"}


def _files(given: Path, out: Path, progress: DemoProgress) -> list[DropFile]:
    """The files to drop: not the results of an earlier run, which are taken away."""
    results = [(out / name).resolve() for name in (PREDICTIONS, SUMMARY, CHART, REJECTS)]
    if given.resolve() in results:
        raise DemoInputError(f"{given} is where the results go: choose another folder with OUT=")
    found = find_drops(given)
    files = [file for file in found.drops if file.path.resolve() not in results]
    if not files:
        raise DemoInputError(f"{given} holds nothing but the results of an earlier run: give other files")
    for line in found.say_no_drops():
        progress.say(line)
    _clear(out)
    return files


def _clear(out: Path) -> None:
    """Make the folder for the results and take away those of an earlier run."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in (PREDICTIONS, SUMMARY, CHART, REJECTS):
            (out / name).unlink(missing_ok=True)
    except OSError as error:
        raise DemoInputError(
            f"cannot write to {out} ({error.strerror}): choose another folder with OUT="
        ) from error


def _score(
    stack: LocalStack, files: Sequence[DropFile], request: DemoRequest, progress: DemoProgress
) -> list[Drop]:
    """Put the files into the inbox and wait for their drops; keep the logs when that does not end well."""
    with progress.bar("dropping into the inbox", len(files)) as advance:
        sources = put(stack, files, lambda done: advance(done, f"{done} files"))
    try:
        with progress.bar("scoring", len(files)) as advance:
            drops = wait_until_final(
                stack, sources, request.limit_seconds, lambda known: advance(*_words(known))
            )
    except NotFinishedError as error:
        raise NotFinishedError(
            f"{error}; the functions' logs are in {save_logs(stack, request.out / LOGS)}"
        ) from error
    if any(drop.state is DropState.FAILED for drop in drops):
        save_logs(stack, request.out / LOGS)
    return drops


def _words(drops: Sequence[Drop]) -> tuple[int, str]:
    """How many drops are in a final state, and how many in which."""
    states = Counter(drop.state for drop in drops)
    done = sum(count for state, count in states.items() if state.final)
    return done, ", ".join(f"{count} {state.value}" for state, count in sorted(states.items()))


def _raise_if_failed(drops: Sequence[Drop], out: Path) -> None:
    """A drop that could not be scored for good is the demo's failure; a rejected one is not."""
    failed = [drop for drop in drops if drop.state is DropState.FAILED]
    if failed:
        raise ScoringFailedError(
            f"{len(failed)} of {len(drops)} drops FAILED, the first because: {failed[0].reason};"
            f" the functions' logs are in {out / LOGS}"
        )
