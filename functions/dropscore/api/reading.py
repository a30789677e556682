"""What the API reads from; it writes nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from dropscore.api.code import own_digest
from dropscore.api.errors import NotFound
from dropscore.aws.ledger import Catalogue, Drops, Jobs, Versions
from dropscore.aws.objects import Bucket
from dropscore.aws.registry import Registry
from dropscore.domain.drop import Drop
from dropscore.settings import ApiSettings

if TYPE_CHECKING:
    from dropscore.files.rows import Rows


@dataclass(frozen=True)
class Reading:
    """The ledger, the results bucket and the registry."""

    drops: Drops
    jobs: Jobs
    versions: Versions
    catalogue: Catalogue
    registry: Registry
    results: Bucket
    settings: ApiSettings

    def drop(self, drop_id: str) -> Drop:
        """The drop.

        Raises
        ------
        NotFound
            The ledger has none of this id.
        """
        drop = self.drops.get(drop_id)
        if drop is None:
            raise NotFound(f"There is no drop {drop_id}.")
        return drop

    @property
    def code(self) -> tuple[str, str]:
        """What code answers: its version, as the stack's operator says, and what it is in fact."""
        return self.settings.code_version, own_digest()

    @cached_property
    def rows(self) -> Rows:
        """The rows of results and rejects. Imported only here, where it is used: it takes pyarrow to load."""
        from dropscore.files.rows import Rows  # noqa: PLC0415

        return Rows(self.results)
