"""The instance's process: a task on stdin, the verdict on stdout."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import asdict

from local.sagemaker.trainer.task import TrainingTask
from local.sagemaker.trainer.training import train


def main() -> int:
    """Run the task."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    task = TrainingTask.from_json(sys.stdin.read())
    sys.stdout.write(json.dumps(asdict(train(task))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
