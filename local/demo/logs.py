"""The logs of a stack that is about to go, for a person who wants to know why."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.stack import LocalStack


def save_logs(stack: LocalStack, folder: Path) -> Path:
    """Write the logs of the functions, of the transform jobs and of the embedded AWS into a file each.

    Parameters
    ----------
    stack
        Still up.
    folder
        Where the files go, named after the log groups, and ``server.log``; made where it is missing.

    Returns
    -------
    pathlib.Path
        ``folder``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(stack.log_file, folder / "server.log")
    logs = stack.client("logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    for group in groups:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        lines = [event["message"].rstrip("\n") for page in pages for event in page["events"]]
        target = folder / f"{group.rpartition('/')[2]}.log"
        target.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return folder
