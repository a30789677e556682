"""What arrives: an object, its key, and whether it is a drop at all."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

from dropscore.domain.errors import ContentError
from dropscore.domain.spec import key_clash

_HIVE_PART = re.compile(r"([^=]+)=(.*)", re.DOTALL)
_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
"""The value of a folder whose rows have none (Hive's `hive.exec.default.partition.name`; Spark's, too)."""


@dataclass(frozen=True)
class Source:
    """Where a drop came from: one version of one object.

    Attributes
    ----------
    version
        S3's version id; in a bucket without versions the ETag.
    sequencer
        Of the event: which version of the key is the later one; None when no event said it.
    versioned
        Whether `version` is a version id that S3 can be asked for.
    """

    bucket: str
    key: str
    version: str
    sequencer: str | None = None
    versioned: bool = True

    @property
    def drop_id(self) -> str:
        """First 20 hex digits of SHA-256 over bucket, key and version, a line each (the design, "Words")."""
        return hashlib.sha256(f"{self.bucket}\n{self.key}\n{self.version}".encode()).hexdigest()[:20]

    @property
    def hive_keys(self) -> dict[str, str | None]:
        """The `name=value` folders of the key, percent-decoded; of a name that is there twice, the last.

        The value is None where Hive says so, and as it stands where what it decodes to is not UTF-8.
        """
        folders = self.key.split("/")[:-1]
        matches = [match for folder in folders if (match := _HIVE_PART.fullmatch(folder))]
        return {
            _decoded(match[1]): None if match[2] == _HIVE_NULL else _decoded(match[2]) for match in matches
        }

    def check_hive_keys(self, spec_keys: Sequence[str] = ()) -> None:
        """Refuse a key whose folders cannot become columns of a result, beside the feature spec's keys.

        Raises
        ------
        ContentError
            A folder's name differs at most by case from a fixed column of the results, or only by case from
            another folder's or a key of the spec.
        """
        if problem := key_clash((*spec_keys, *self.hive_keys)):
            raise ContentError(f"the key's folder {problem}; rename it")


def _decoded(text: str) -> str:
    """Percent-decoded, where that is UTF-8."""
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return text


DEFAULT_SUFFIXES = (".parquet",)
"""How the keys of drops end, unless the stack's `InboxSuffixes` says otherwise."""

_SUFFIX = re.compile(r"\.[A-Za-z0-9._-]+")


class NoDrop(StrEnum):
    """Why an object is no drop."""

    FOLDER = "folder"
    HIDDEN = "hidden"
    SUFFIX = "suffix"

    def describe(self, suffixes: Sequence[str] = DEFAULT_SUFFIXES) -> str:
        """The reason in words; `suffixes` are those that the key was compared with."""
        match self:
            case NoDrop.FOLDER:
                return "its key ends in /: it marks a folder"
            case NoDrop.HIDDEN:
                return (
                    "a part of its key begins with _ or . and is no name=value folder: "
                    "temporary and metadata files are named so"
                )
            case NoDrop.SUFFIX:
                return f"its key does not end in {' or '.join(suffixes)}"


def why_no_drop(key: str, suffixes: Sequence[str] = DEFAULT_SUFFIXES) -> NoDrop | None:
    """Why the object under `key` is no drop, or None when it is one (the design, "InboxBucket").

    Hive, Spark, Athena and pyarrow leave out files and folders whose names begin with `_` or `.`:
    `_temporary/`, `.spark-staging-…/`, `_delta_log/`, `._part-0.parquet`. A partition by a column `_x`,
    `_x=1/`, is data.

    Parameters
    ----------
    suffixes
        In any case; the empty one is every key's.
    """
    *folders, name = key.split("/")
    if not name:
        return NoDrop.FOLDER
    parts = [*(folder for folder in folders if not _HIVE_PART.fullmatch(folder)), name]
    if any(part.startswith(("_", ".")) for part in parts):
        return NoDrop.HIDDEN
    if not key.lower().endswith(tuple(suffix.lower() for suffix in suffixes)):
        return NoDrop.SUFFIX
    return None


def read_suffixes(text: str) -> tuple[str, ...]:
    """The suffixes that `InboxSuffixes` names, separated by commas; `*` stands for the empty one.

    Raises
    ------
    ValueError
        One is neither `*` nor a dot with letters, digits, dots, hyphens or underscores behind it.
    """
    named = text.split(",")
    if wrong := [one for one in named if one != "*" and not _SUFFIX.fullmatch(one)]:
        raise ValueError(f"{wrong[0]!r} is no suffix such as .parquet, and not *")
    return tuple("" if one == "*" else one for one in named)
