"""What an image runs: its own entry point as the job names it, or the user's script (script mode).

Source for script mode: aws/sagemaker-training-toolkit (``params.py``, ``mapping.py``, ``environment.py``).
Hyperparameters are JSON; two of them say which script is run and where its archive is, the others become the
script's arguments.
"""

from __future__ import annotations

import json
import os
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.sagemaker.instance.errors import AlgorithmFault
from local.sagemaker.instance.location import parse_location
from local.sagemaker.trainer.folders import HOST, Folders
from local.sagemaker.trainer.task import TrainingTask

PROGRAM, SUBMIT_DIRECTORY, OWN = "sagemaker_program", "sagemaker_submit_directory", "sagemaker_"


@dataclass(frozen=True)
class Program:
    """A command, the folder it runs in, and its environment."""

    command: list[str]
    folder: Path
    environment: dict[str, str]
    is_script: bool


def program(task: TrainingTask, folders: Folders, s3: Any) -> Program:
    """What the job runs.

    Raises
    ------
    AlgorithmFault
        The job names neither an entry point nor a script that is there.
    """
    if task.entrypoint:
        command = [folders.here(word) for word in (*task.entrypoint, *task.arguments)]
        return Program(command, folders.root, _environment(task), is_script=False)
    hyperparameters = {name: _decoded(value) for name, value in task.hyperparameters.items()}
    script = hyperparameters.get(PROGRAM)
    if not script:
        raise AlgorithmFault(f"neither ContainerEntrypoint nor the hyperparameter {PROGRAM} says what to run")
    _fetch_code(str(hyperparameters.get(SUBMIT_DIRECTORY, "")), folders, s3)
    if not (folders.code / script).is_file():
        raise AlgorithmFault(f"{script} is not in {SUBMIT_DIRECTORY}")
    users = {name: value for name, value in sorted(hyperparameters.items()) if not name.startswith(OWN)}
    command = [sys.executable, str(script), *_arguments(users)]
    environment = {**_script_mode(task, folders, users, str(script)), **_environment(task)}
    return Program(command, folders.code, environment, is_script=True)


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _fetch_code(uri: str, folders: Folders, s3: Any) -> None:
    location = parse_location(uri)
    if not location.key:
        raise AlgorithmFault(f"the hyperparameter {SUBMIT_DIRECTORY} is no address of an archive: {uri!r}")
    packed = folders.root / "sourcedir.tar.gz"
    s3.download_file(location.bucket, location.key, str(packed))
    with tarfile.open(packed, "r:gz") as archive:
        archive.extractall(folders.code, filter="data")


def _arguments(hyperparameters: dict[str, Any]) -> list[str]:
    words = []
    for name, value in hyperparameters.items():
        words += [f"-{name}" if len(name) == 1 else f"--{name}", _text(value)]
    return words


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _environment(task: TrainingTask) -> dict[str, str]:
    """What every program gets: the interpreter first on the search path, the job's name, the user's own."""
    kept = {name: os.environ[name] for name in ("LANG", "TMPDIR", "TZ") if name in os.environ}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    job = {"TRAINING_JOB_NAME": task.job, "TRAINING_JOB_ARN": task.arn, "AWS_REGION": task.region}
    return {**kept, "PATH": path, "PYTHONUNBUFFERED": "1", **job, **task.environment}


def _script_mode(task: TrainingTask, folders: Folders, users: dict[str, Any], script: str) -> dict[str, str]:
    """The toolkit's variables."""
    names = [channel.name for channel in task.channels]
    return {
        "SM_MODEL_DIR": str(folders.model),
        "SM_INPUT_DIR": str(folders.root / "input"),
        "SM_INPUT_CONFIG_DIR": str(folders.root / "input" / "config"),
        "SM_OUTPUT_DIR": str(folders.output),
        "SM_OUTPUT_DATA_DIR": str(folders.output / "data"),
        "SM_CHANNELS": json.dumps(names),
        **{f"SM_CHANNEL_{name.upper()}": str(folders.channel(name)) for name in names},
        "SM_HPS": json.dumps(users),
        **{f"SM_HP_{name.replace('-', '_').upper()}": _text(value) for name, value in users.items()},
        "SM_USER_ARGS": json.dumps(_arguments(users)),
        "SM_USER_ENTRY_POINT": script,
        "SM_MODULE_NAME": script.removesuffix(".py"),
        "SM_CURRENT_HOST": HOST,
        "SM_HOSTS": json.dumps([HOST]),
        "SM_NUM_CPUS": str(os.cpu_count()),
        "SM_NUM_GPUS": "0",
    }
