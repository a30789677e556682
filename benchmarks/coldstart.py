"""Each function's artifact starts under the Runtime Interface Emulator, beside a handler with boto3 alone."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.import_profile import Profile, profile
from benchmarks.measure import REPOSITORY, Measured
from benchmarks.package_sizes import Sizes, sizes
from benchmarks.report import Case, Goal, Report
from local.built_function import BuiltFunction, built_function
from local.emulator import Emulator

BASELINE = "boto3 alone"

ARTIFACT_MB = 150
"""The artifact's limit, in megabytes of 1,000,000 bytes; Lambda's own is 262."""

EVENTS: Mapping[str, Any] = {
    "PrepareFunction": {"Event": "s3:TestEvent"},
    "CollectFunction": {},
    "SweepFunction": {"retry": []},
    "ResultsApiFunction": json.loads((REPOSITORY / "events" / "api-unknown.json").read_text()),
    "PredictFunction": {"rawPath": "/predict", "headers": {}, "body": ""},
}
"""One for each function that it answers at once, without asking AWS for anything."""

SLOWEST = {
    "PrepareFunction": 1.75,
    "CollectFunction": 1.75,
    "SweepFunction": 1.75,
    "ResultsApiFunction": 2.75,
    "PredictFunction": 2.25,
}
"""What starting may take, in times of the baseline.

The first three do without pyarrow. The API's answers and parameters are pydantic's, and Powertools' router
brings asyncio; whoever predicts needs pyarrow, which computes the features.
"""

NOWHERE = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
"""Nobody listens there: who asks AWS all the same, fails."""

_TOP = 5


def run(*, large: bool, repetitions: int = 7) -> Report:
    """Start each function so often, in turn; `large` changes nothing."""
    del large
    functions = [built_function(name) for name in EVENTS]
    with TemporaryDirectory() as folder:
        starting = {BASELINE: _only_boto3(Path(folder)), **{each.name: each for each in functions}}
        runs: dict[str, list[Measured]] = {name: [] for name in starting}
        for _ in range(repetitions):
            for name, function in starting.items():
                runs[name].append(_start(function))
    profiles = {each.name: profile(each.folder, each.handler.rpartition(".")[0]) for each in functions}
    reader = profile(functions[0].folder, "dropscore.handlers.files")
    results = _results(runs, profiles)
    artifact = sizes(functions[0].folder)
    report = Report("coldstart", [Case(0, results, "init under the emulator")])
    report.goals = [
        Goal("the artifact, in MB unzipped", artifact.total / 1e6, ARTIFACT_MB),
        *(
            Goal(f"init of {name}, in times of {BASELINE}", results[name].counted["times boto3"], limit)
            for name, limit in SLOWEST.items()
        ),
    ]
    report.notes = [
        *_profiled({**profiles, "the reader's process": reader}),
        *_sized(artifact),
        "CPU seconds are the process's, with the interpreter's start and the answer to one event.",
        f"Medians of {repetitions} starts, files in the page cache: Lambda reads them from elsewhere, once.",
    ]
    return report


def _only_boto3(folder: Path) -> BuiltFunction:
    folder.joinpath("alone.py").write_text(
        "import boto3\n\n\ndef handler(event, context):\n    return None\n"
    )
    return BuiltFunction(BASELINE, folder, "alone.handler")


def _start(function: BuiltFunction) -> Measured:
    missing = {name: "unknown" for name, value in function.environment.items() if value is None}
    with Emulator(function, {**missing, **NOWHERE}) as emulator:
        emulator.invoke(EVENTS.get(function.name, {}))
        process = Path("/proc", str(emulator.process_id))
        user, system = process.joinpath("stat").read_text().rpartition(")")[2].split()[11:13]
        peak = re.search(r"VmHWM:\s+(\d+) kB", process.joinpath("status").read_text())
        return Measured(
            emulator.init_seconds,
            (int(user) + int(system)) / os.sysconf("SC_CLK_TCK"),
            int(peak[1]) / 1024 if peak else 0.0,
            {},
        )


def _results(runs: Mapping[str, list[Measured]], profiles: Mapping[str, Profile]) -> dict[str, Measured]:
    seconds = {name: median(run.seconds for run in several) for name, several in runs.items()}
    cpu = {name: median(run.cpu_seconds for run in several) for name, several in runs.items()}
    return {
        name: Measured(
            seconds[name],
            cpu[name],
            max(run.peak_rss_mib for run in several),
            {
                "times boto3": round(seconds[name] / seconds[BASELINE], 2),
                "in CPU": round(cpu[name] / cpu[BASELINE], 2),
                **({"modules": profiles[name].modules} if name in profiles else {}),
            },
        )
        for name, several in runs.items()
    }


def _profiled(profiles: Mapping[str, Profile]) -> list[str]:
    return [
        f"{name} imports {told.modules} modules beyond boto3's in {told.milliseconds:.0f} ms: "
        + ", ".join(f"{package} {spent:.0f}" for package, spent in told.packages[:_TOP])
        for name, told in profiles.items()
    ]


def _sized(artifact: Sizes) -> list[str]:
    kept = ", ".join(f"{name} {size / 1e6:.1f}" for name, size in artifact.kept[:_TOP])
    return [
        f"Artifact, in MB: {kept}; {artifact.compiled / 1e6:.1f} of it byte code.",
        f"Left out of the wheels (functions/left_out.toml): {artifact.left_out / 1e6:.1f} MB.",
    ]
