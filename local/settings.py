"""What the embedded server is started with: the one message its launcher sends it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
HOST = "127.0.0.1"


@dataclass(frozen=True)
class ServerSettings:
    """Everything the server process is told.

    Attributes
    ----------
    port
        Loopback port to listen on; 0 lets the system choose a free one.
    folder
        Folder of the server's own; its temporary files and state live below it and die with it.
    function_python
        The interpreter that functions run in: an environment that holds no more than Lambda's.
    secret
        What the control route asks for (see ``local.sagemaker.faults``).
    region
        Region the server answers for.
    bridge
        Another address to listen on, at the same port: a container engine's bridge. Empty for none.
    """

    port: int
    folder: Path
    function_python: Path
    secret: str
    region: str = REGION
    bridge: str = ""

    def to_line(self) -> str:
        """One line of JSON."""
        return json.dumps(
            {name: value if isinstance(value, int) else str(value) for name, value in asdict(self).items()}
        )

    @classmethod
    def from_line(cls, line: str) -> ServerSettings:
        """Read back what ``to_line`` wrote."""
        raw = json.loads(line)
        return cls(
            port=int(raw["port"]),
            folder=Path(raw["folder"]),
            function_python=Path(raw["function_python"]),
            secret=raw["secret"],
            region=raw["region"],
            bridge=raw["bridge"],
        )
