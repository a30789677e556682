"""The catalogue of drops: which of them are asked for, and a page of the answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dropscore.domain.drop import Drop, DropState


@dataclass(frozen=True)
class Everything:
    """Every drop, the newest first."""

    def holds(self, drop: Drop) -> bool:  # noqa: ARG002 - it holds for any
        """Whether the drop is asked for."""
        return True


@dataclass(frozen=True)
class InState:
    """The drops in a state, the newest first."""

    state: DropState

    def holds(self, drop: Drop) -> bool:
        """Whether the drop is asked for."""
        return drop.state is self.state


@dataclass(frozen=True)
class ByVersion:
    """The drops that a model version scores or has scored, the newest first."""

    version: int

    def holds(self, drop: Drop) -> bool:
        """Whether the drop is asked for."""
        return drop.model is not None and drop.model.version == self.version


@dataclass(frozen=True)
class UnderPrefix:
    """The drops whose key begins with `prefix`, by key (UTF-8 bytes), a key's current version first."""

    prefix: str

    def holds(self, drop: Drop) -> bool:
        """Whether the drop is asked for."""
        return drop.source.key.startswith(self.prefix)


@dataclass(frozen=True)
class OfKey:
    """The drops of one key, its current version first."""

    key: str

    def holds(self, drop: Drop) -> bool:
        """Whether the drop is asked for."""
        return drop.source.key == self.key


Selection = Everything | InState | ByVersion | UnderPrefix | OfKey


@dataclass(frozen=True)
class Arrived:
    """When a drop arrived: `since` inclusive, `until` exclusive; None is no bound."""

    since: datetime | None = None
    until: datetime | None = None

    def holds(self, drop: Drop) -> bool:
        """Whether the drop is asked for."""
        return (self.since is None or self.since <= drop.arrived_at) and (
            self.until is None or drop.arrived_at < self.until
        )


@dataclass(frozen=True)
class Page:
    """A page of drops.

    Attributes
    ----------
    drops
        In the selection's order; may be fewer than were asked for, even none, before the end.
    position
        Where the next page begins, for `Catalogue.page`; None at the end.
    places
        For each drop, where the page after it begins.
    """

    drops: tuple[Drop, ...]
    position: str | None
    places: tuple[str, ...] = ()

    def first(self, count: int) -> Page:
        """The page of only so many of the drops, at least one."""
        if count >= len(self.drops):
            return self
        return Page(self.drops[:count], self.places[count - 1], self.places[:count])
