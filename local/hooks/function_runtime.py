"""What functions run in."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
import zipfile
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ministack.core import lambda_runtime


def run_functions_in(python: Path) -> None:
    """Run Python functions in an interpreter that holds no more than Lambda's.

    MiniStack runs them in its own, where everything the project develops with can be imported: a package
    missing from the artifact would go unnoticed until the deployment.
    """
    detect = lambda_runtime._detect_runtime_binary

    def detect_clean(runtime: str) -> tuple[str, str]:
        binary, worker = detect(runtime)
        return (str(python) if runtime.startswith("python") else binary), worker

    lambda_runtime._detect_runtime_binary = detect_clean


# Not an attribute of the class below: ZipFile gives each of its instances a `_lock` of its own.
_unpacking = threading.Lock()


class _UnpackedOnce(zipfile.ZipFile):
    """A function's code, unpacked once for all workers; each worker's folder links to it."""

    def extractall(  # type: ignore[override]
        self, path: str | os.PathLike[str] | None = None, members: None = None, pwd: None = None
    ) -> None:
        target = Path(path or ".")
        shared = self._shared_folder()
        with _unpacking:
            if not shared.is_dir():
                unfinished = Path(tempfile.mkdtemp(prefix="unpacking-", dir=shared.parent))
                super().extractall(unfinished, members, pwd)
                unfinished.rename(shared)
        for entry in shared.iterdir():
            (target / entry.name).symlink_to(entry)
        if self.filename:
            Path(self.filename).unlink(missing_ok=True)

    def _shared_folder(self) -> Path:
        digest = hashlib.sha256()
        for info in self.infolist():
            digest.update(f"{info.filename}\0{info.CRC}\0{info.file_size}\n".encode())
        return Path(tempfile.gettempdir()) / f"function-code-{digest.hexdigest()[:20]}"


def share_unpacked_code() -> None:
    """Unpack a function's code once instead of once for every worker.

    MiniStack writes and unpacks the whole artifact (some 150 MB) for each worker it starts: gigabytes on
    disk at 30 files, and every cold start compiles every module again. AWS caches code on its workers much
    the same way.
    """
    lambda_runtime.zipfile = SimpleNamespace(
        ZipFile=_UnpackedOnce, BadZipFile=zipfile.BadZipFile, LargeFileError=zipfile.LargeZipFile
    )


def let_invocations_end() -> None:
    """Replace a function's workers once they are idle, as Lambda does when the function changes.

    MiniStack kills them all at once: an invocation that runs meanwhile fails, and the one that just starts
    finds its code gone.
    """
    kill = lambda_runtime.kill_workers

    def kill_when_idle(worker: Any) -> None:
        with worker._lock:  # held by an invocation, from before it starts the worker's process
            kill([worker])

    def kill_idle(workers: Iterable[Any]) -> None:
        for worker in filter(None, workers):
            threading.Thread(target=kill_when_idle, args=(worker,), daemon=True).start()

    lambda_runtime.kill_workers = kill_idle
