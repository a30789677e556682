"""A training job from its channels to its model."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.sagemaker.instance.errors import JobError
from local.sagemaker.instance.location import parse_location
from local.sagemaker.instance.log_stream import LogStream
from local.sagemaker.instance.role_access import RoleAccess
from local.sagemaker.trainer.ending import end_with_children
from local.sagemaker.trainer.folders import HOST, Folders
from local.sagemaker.trainer.program import Program, program
from local.sagemaker.trainer.task import TrainingTask, Verdict

GROUP = "/aws/sagemaker/TrainingJobs"
# FailureReason has 1,024 characters at most (DescribeTrainingJob).
LONGEST_REASON = 1024


def train(task: TrainingTask) -> Verdict:
    """Do the task."""
    role = RoleAccess(
        task.endpoint_url, task.region, task.access_key_id, task.secret_access_key, task.session_token
    )
    folders = Folders(task)
    try:
        return _Training(task, folders, role.client("s3"), role.client("logs")).run()
    except JobError as problem:
        return Verdict(f"AlgorithmError: {problem}"[:LONGEST_REASON])
    except (ClientError, BotoCoreError) as problem:
        return Verdict(f"ClientError: {problem}"[:LONGEST_REASON])


class _Training:
    """One job in its folders."""

    def __init__(self, task: TrainingTask, folders: Folders, s3: Any, logs: Any) -> None:
        self._task, self._folders, self._s3 = task, folders, s3
        self._log = LogStream(logs, GROUP, f"{task.job}/{HOST}-{id(self)}")
        self._said = Path(task.folder) / "program.log"

    def run(self) -> Verdict:
        for channel in self._task.channels:
            self._folders.fetch(self._s3, channel)
        self._folders.configure(self._task)
        chosen = program(self._task, self._folders, self._s3)
        code = self._execute(chosen)
        said = self._said.read_text(errors="replace")
        self._log.put(said.splitlines())
        metrics = _metrics(self._task.metrics, said)
        if code:
            return Verdict(self._reason(chosen, said, code), metrics=metrics)
        return Verdict(None, self._upload(), metrics, is_overdue=code is None)

    def _execute(self, chosen: Program) -> int | None:
        """Run the program; its exit code, or None when it ran into the limit of time."""
        with self._said.open("wb") as said:
            process = subprocess.Popen(
                chosen.command,
                cwd=chosen.folder,
                env=chosen.environment,
                stdout=said,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
            try:
                return process.wait(self._task.max_seconds)
            except subprocess.TimeoutExpired:
                return None
            finally:
                end_with_children(process)

    def _reason(self, chosen: Program, said: str, code: int) -> str:
        """Why it failed, in the words of what the image has left, or of the toolkit."""
        told = self._folders.failure.read_text(errors="replace") if self._folders.failure.exists() else ""
        if chosen.is_script and not told:
            last = next((line for line in reversed(said.splitlines()) if line.strip()), "")
            words = f'ExitCode {code}\nErrorMessage "{last}"\nCommand "{" ".join(chosen.command)}"'
            told = f"ExecuteUserScriptError:\n{words}"
        ending = f", exit code: {code}"
        return f"AlgorithmError: {told}"[: LONGEST_REASON - len(ending)] + ending

    def _upload(self) -> str:
        """Upload what the job has made; the model's address."""
        target, folder = parse_location(self._task.output_uri), Path(self._task.folder)
        prefix = "/".join(filter(None, [target.key.rstrip("/"), self._task.job, "output"]))
        model = self._folders.pack(self._folders.model, folder / "model.tar.gz")
        self._s3.upload_file(str(model), target.bucket, f"{prefix}/model.tar.gz")
        if any((self._folders.output / "data").iterdir()):
            output = self._folders.pack(self._folders.output / "data", folder / "output.tar.gz")
            self._s3.upload_file(str(output), target.bucket, f"{prefix}/output.tar.gz")
        return f"s3://{target.bucket}/{prefix}/model.tar.gz"


def _metrics(definitions: dict[str, str], said: str) -> dict[str, float]:
    """The last value of each metric, by its regular expression's first group."""
    found = {}
    for name, pattern in definitions.items():
        for match in re.finditer(pattern, said):
            try:
                found[name] = float(match[1])
            except (IndexError, ValueError):
                continue
    return found
