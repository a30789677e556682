"""The feature spec: which features, in which order, made from which columns of a drop."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dropscore.domain.errors import SpecError, quoted
from dropscore.domain.zones import UnknownZone, zone

DERIVED_FEATURES = ("minutes", "hour", "day_of_week", "day", "month", "is_weekend")
"""Names that are computed from the timestamp; every other name is a column of the drop."""

RESULT_COLUMNS = ("drop_id", "row", "ts", "prediction", "actual")
"""The fixed columns of a result, in order."""

RESERVED_NAMES = frozenset((*RESULT_COLUMNS, "model_group", "model_version", "scored_date"))
"""Names that no key column may have, in any case: the fixed columns, and the partitions of the results."""

_KNOWN_FIELDS = frozenset(("features", "target", "timestamp", "keys", "timezone", "baseline"))


@dataclass(frozen=True)
class FeatureSpec:
    """What a model package wants to be fed with.

    Attributes
    ----------
    features
        Names in the order the model takes them: derived names (`DERIVED_FEATURES`) or numeric or boolean
        columns of the drop.
    target
        The column the model was trained on, or None; a drop that has it gets `actual` values.
    timestamp
        The timestamp column, or None when no feature is derived from it.
    keys
        Columns of the drop, or folders `name=value` of its key where it lacks the column, that identify a row
        to its consumer; results carry them as strings (`key_text`).
    timezone
        The zone whose wall clock derived features show, as `zones.zone` takes it; None for the column's own.
        Timestamps without a zone are taken as UTC when this is set, and as wall clock when it is not.
        Training writes the one that its files have.
    baseline
        Statistics of the training data, for drift checks; opaque here.
    """

    features: tuple[str, ...]
    target: str | None = None
    timestamp: str | None = None
    keys: tuple[str, ...] = ()
    timezone: str | None = None
    baseline: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_names("features", self.features)
        _check_names("keys", self.keys)
        if not self.features:
            raise SpecError("feature spec: `features` is empty; name at least one feature")
        if self.derived and self.timestamp is None:
            raise SpecError(
                f"feature spec: {self.derived[0]!r} comes from the timestamp, but `timestamp` is not set"
            )
        if problem := key_clash(self.keys):
            raise SpecError(f"feature spec: key {problem}; choose another key")
        if self.timezone is not None:
            try:
                zone(self.timezone)
            except UnknownZone as error:
                raise SpecError(f"feature spec: `timezone`: {error}") from error

    @property
    def derived(self) -> tuple[str, ...]:
        """The features that come from the timestamp, in the spec's order."""
        return tuple(name for name in self.features if name in DERIVED_FEATURES)

    @property
    def column_features(self) -> tuple[str, ...]:
        """The features that are columns of the drop, in the spec's order."""
        return tuple(name for name in self.features if name not in DERIVED_FEATURES)

    @classmethod
    def parse(cls, data: bytes) -> FeatureSpec:
        """Read a spec from its JSON form.

        Raises
        ------
        SpecError
            Not JSON, an unknown field, or a field of the wrong type; the message names the field.
        """
        try:
            fields = json.loads(data)
        except ValueError as error:
            raise SpecError(f"feature spec is not JSON: {error}") from error
        if not isinstance(fields, dict):
            raise SpecError(f"feature spec is a JSON {type(fields).__name__}, expected an object")
        if unknown := set(fields) - _KNOWN_FIELDS:
            raise SpecError(
                f"feature spec: unknown field {min(unknown)!r}; known are {', '.join(sorted(_KNOWN_FIELDS))}"
            )
        baseline = {} if fields.get("baseline") is None else fields["baseline"]
        if not isinstance(baseline, dict):
            raise SpecError("feature spec: `baseline` is not an object")
        return cls(
            features=_names(fields, "features"),
            target=_name(fields, "target"),
            timestamp=_name(fields, "timestamp"),
            keys=_names(fields, "keys"),
            timezone=_name(fields, "timezone"),
            baseline=baseline,
        )

    def to_bytes(self) -> bytes:
        """The spec as canonical JSON (sorted keys, UTF-8), the bytes whose hash the model package records."""
        fields = {
            "features": self.features,
            "target": self.target,
            "timestamp": self.timestamp,
            "keys": self.keys,
            "timezone": self.timezone,
            "baseline": self.baseline,
        }
        return json.dumps(fields, sort_keys=True, ensure_ascii=False, indent=1).encode()


def key_clash(names: Iterable[str]) -> str | None:
    """Why names cannot be the key columns of one result; None where they can.

    Athena and DuckDB do not tell names apart that differ only by case.
    """
    taken: dict[str, str] = {}
    for name in names:
        if name.lower() in RESERVED_NAMES:
            return f"{name!r} clashes with the result column {name.lower()!r}"
        if (other := taken.setdefault(name.lower(), name)) != name:
            return f"{name!r} differs only by case from {other!r}"
    return None


def sha256_hex(data: bytes) -> str:
    """SHA-256 of `data` in lower-case hex, as `feature_spec_sha256` of a model package holds it."""
    return hashlib.sha256(data).hexdigest()


def _names(fields: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = [] if fields.get(name) is None else fields[name]
    if not isinstance(value, list) or not all(map(_is_name, value)):
        raise SpecError(f"feature spec: `{name}` is not a list of names")
    return tuple(value)


def _name(fields: Mapping[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if value is not None and not _is_name(value):
        raise SpecError(f"feature spec: `{name}` is not a name")
    return value


def _is_name(value: Any) -> bool:
    """Whether it is a text that is not empty and can be UTF-8: JSON may have half of a surrogate pair."""
    return isinstance(value, str) and bool(value) and not any("\ud800" <= sign <= "\udfff" for sign in value)


def _check_names(what: str, names: tuple[str, ...]) -> None:
    if len(set(names)) != len(names):
        raise SpecError(f"feature spec: `{what}` names a column twice: {quoted(names)}")
