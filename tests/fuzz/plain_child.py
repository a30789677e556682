"""The child that the plain reader runs in, under the limits of the real one."""

from __future__ import annotations

import sys
from multiprocessing.connection import Connection

from dropscore.handlers.files import confine, serve
from tests.fuzz.plain import PlainWork

if __name__ == "__main__":
    confine(int(sys.argv[2]))
    with Connection(int(sys.argv[1])) as connection:
        serve(connection, PlainWork())
