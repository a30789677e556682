"""A command line run within this process: what a process of its own would do, without a second of imports."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from subprocess import CompletedProcess
from unittest.mock import patch


def run_here(
    main: Callable[[], None], *arguments: object, environment: Mapping[str, str], stdin: int | None = None
) -> CompletedProcess[str]:
    """Run `main` with these arguments and variables; `stdin` is a file descriptor to read answers from."""
    argv, out, err = ["command", *map(str, arguments)], io.StringIO(), io.StringIO()
    code: object = 0
    with (
        os.fdopen(stdin) if stdin is not None else io.StringIO() as typed,
        patch.dict(os.environ, environment, clear=True),
        patch.multiple(sys, argv=argv, stdin=typed),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
    if isinstance(code, str):  # the interpreter prints it, and ends with 1
        err.write(f"{code}\n")
        code = 1
    return CompletedProcess(argv, int(code), out.getvalue(), err.getvalue())
