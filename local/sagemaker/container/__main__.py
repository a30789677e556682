"""The container's process: waits for the model, installs its code, serves it on the socket it was given."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from local.sagemaker.container.errors import BOOT_FAILED, InstallModuleError
from local.sagemaker.container.http_server import serve
from local.sagemaker.container.model_code import require_installable


def leave_repository() -> None:
    """Let the model's code import what the image has, and nothing of this repository."""
    root = Path(__file__).resolve().parents[3]
    sys.path[:] = [entry for entry in sys.path if not _is_ours(Path(entry), root)]
    os.environ.pop("PYTHONPATH", None)


def _is_ours(entry: Path, root: Path) -> bool:
    """Whether an entry of the import path is the repository's own code, or the folder we run in."""
    return entry == Path.cwd() or (entry.is_relative_to(root) and "site-packages" not in entry.parts)


def end_with_instance() -> None:
    """End this process when the instance's end of stdin closes."""
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> int:
    """Serve until told to end."""
    model_folder, listener = Path(sys.argv[1]), int(sys.argv[2])
    leave_repository()
    if not sys.stdin.buffer.readline():
        return 0
    try:
        require_installable(model_folder, os.environ)
    except InstallModuleError as error:
        sys.stderr.write(f"{error}\n")
        return BOOT_FAILED
    threading.Thread(target=end_with_instance, daemon=True).start()
    serve(listener, model_folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
