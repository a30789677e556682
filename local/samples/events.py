"""The sample events as they are true for one stack."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from local.samples.names import IN_THE_EVENTS, Names
from local.server_process import REPOSITORY

EVENTS = REPOSITORY / "events"


def write_events(names: Names, folder: Path) -> list[Path]:
    """Write those sample events that name a version, a drop or a job, with the names of a stack.

    Parameters
    ----------
    names
        What the stack calls them.
    folder
        Made where it is not there.

    Returns
    -------
    list of Path
        What was written. A stack with no parameters of its own gets the events as they are committed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for source in sorted(EVENTS.glob("*.json")):
        text = source.read_text()
        own = _renamed(text, names)
        if own != text or any(name in text for name in IN_THE_EVENTS.each[1:]):
            target = folder / source.name
            target.write_text(own)
            written.append(target)
    return written


def _renamed(text: str, names: Names) -> str:
    """An event with a stack's names in place of the committed ones."""
    for committed, own in zip(IN_THE_EVENTS.each, names.each, strict=True):
        text = text.replace(committed, own)
    event = json.loads(text)
    for record in event.get("Records", []):
        if "md5OfBody" in record:
            record["md5OfBody"] = _md5(record)
    return json.dumps(event, indent=2) + "\n"


def _md5(record: dict[str, Any]) -> str:
    """What SQS says of a message's body, to find damage (API reference, "Message")."""
    return hashlib.md5(record["body"].encode(), usedforsecurity=False).hexdigest()
