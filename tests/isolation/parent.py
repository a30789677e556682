"""A function that has a child at work when it is killed; the child writes its process id into a file."""

from __future__ import annotations

import sys
from datetime import timedelta

from dropscore.files.isolation import IsolatedFileWork

if __name__ == "__main__":
    work = IsolatedFileWork(child="tests.isolation.toy")
    work.convert("mark_and_hang", sys.argv[1], timedelta(seconds=300))
