"""A child that does what it is told, in place of the one that reads files: each request names a trick."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
import threading
import time
from errno import ENOSPC
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError, EndpointConnectionError

from dropscore.domain import errors
from dropscore.handlers.files import confine, serve

_held: list[bytearray] = []


class Tricks:
    """What `FileWork` is to the real child; a drop is the name of a trick, a model its argument."""

    def convert(self, trick: str, argument: Any) -> Any:
        return getattr(self, trick)(argument)

    def echo(self, said: Any) -> Any:
        return said

    def pid(self, _: Any) -> int:
        return os.getpid()

    def print(self, text: str) -> str:
        print(text, flush=True)  # noqa: T201 - it must not get into the function's own output
        os.write(1, text.encode())
        return "said"

    def denied(self, _: Any) -> None:
        s3 = boto3.client("s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        raise s3.exceptions.from_code("NoSuchKey")(
            {"Error": {"Code": "NoSuchKey", "Message": "m"}}, "GetObject"
        )

    def die(self, number: int) -> None:
        os.kill(os.getpid(), number)

    def end(self, code: int) -> None:
        os._exit(code)

    def crash(self, _: Any) -> None:
        ctypes.string_at(0)

    def hang(self, _: Any) -> None:
        signal.pause()

    def mark_and_hang(self, mark: str) -> None:
        written = Path(f"{mark}.new")
        written.write_text(str(os.getpid()))
        written.rename(mark)
        signal.pause()

    def spin(self, _: Any) -> None:
        while True:
            time.monotonic()

    def hang_up(self, _: Any) -> None:
        """Close every file but stay."""
        os.closerange(3, 256)
        signal.pause()

    def die_once(self, mark: str) -> str:
        with contextlib.suppress(FileExistsError):
            Path(mark).touch(exist_ok=False)
            os.kill(os.getpid(), signal.SIGSEGV)
        return "survived"

    def take(self, size: int) -> int:
        return len(bytearray(size))

    def hold(self, size: int) -> int:
        _held.append(bytearray(size))
        return len(_held[-1])

    def fill_the_disk(self, _: Any) -> None:
        raise OSError(ENOSPC, "No space left on device")

    def have_no_thread(self, _: Any) -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (1, 1))
        threading.Thread(target=print).start()

    def fail(self, name: str) -> None:
        raise getattr(errors, name)(f"told to raise {name}")

    def fail_at_aws(self, code: str) -> None:
        status = {"HTTPStatusCode": 503, "RequestId": "r"}
        raise ClientError({"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": status}, "GetObject")

    def fail_to_connect(self, url: str) -> None:
        raise EndpointConnectionError(endpoint_url=url, error=OSError("no"))

    def fail_unexpectedly(self, what: str) -> None:
        raise KeyError(what)

    def fail_untellably(self, _: Any) -> None:
        error = errors.ContentError("has a thing with it that cannot travel")
        error.thing = lambda: None
        raise error


if __name__ == "__main__":
    confine(int(sys.argv[2]) if sys.argv[2] else None)
    with Connection(int(sys.argv[1])) as connection:
        serve(connection, Tricks())
