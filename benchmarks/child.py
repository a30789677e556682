"""What a measured process says of itself; it imports nothing that would weigh on the measurement."""

import json
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def measured(**counted: Any) -> Iterator[dict[str, Any]]:
    """Time the block, and print what `measure.run` reads: one line of JSON, the last of stdout.

    `seconds` and `cpu_seconds` are of the block alone, without the interpreter's start and the imports before
    it; `peak_rss_mib` is the whole process's, which a block cannot be without. What else the block puts into
    the dictionary is told, too.
    """
    wall, cpu = time.perf_counter(), time.process_time()
    yield counted
    told = {
        "seconds": time.perf_counter() - wall,
        "cpu_seconds": time.process_time() - cpu,
        "peak_rss_mib": peak_rss_mib(),
        **counted,
    }
    sys.stdout.write(json.dumps(told) + "\n")


def keep_to(cores: int) -> None:
    """Have this process run on no more cores than that; to be said before anything counts them."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])


def peak_rss_mib() -> float:
    """The most memory that this process has had, in MiB.

    Linux's `VmHWM` (proc(5)); `ru_maxrss` counts what the parent had before this program was started.
    """
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    if found is None:
        raise OSError("/proc/self/status says nothing of VmHWM: the benchmarks need Linux")
    return int(found[1]) / 1024
