"""The instance's process: a task on stdin, the verdict on stdout."""

from __future__ import annotations

import json
import signal
import sys

from local.sagemaker.instance.task import Task
from local.sagemaker.instance.transform import transform


def main() -> int:
    """Run the task; the verdict's ``reason`` is null when the job is Completed."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    task = Task.from_json(sys.stdin.read())
    sys.stdout.write(json.dumps({"reason": transform(task)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
