"""A function that has a child at work when it is killed; it prints the child's process id."""

from __future__ import annotations

import sys
from datetime import timedelta

from dropscore.files.isolation import IsolatedFileWork

if __name__ == "__main__":
    work = IsolatedFileWork(child="tests.isolation.toy")
    sys.stdout.write(f"{work.convert('pid', None, timedelta(seconds=30))}\n")
    sys.stdout.flush()
    work.convert("hang", None, timedelta(seconds=300))
