"""Approving a version: what it would replace, and whether that would be a change for the worse."""

from dataclasses import dataclass

from training.errors import TrainingError
from training.model.metrics import worse
from training.registry.details import Details, describe
from training.registry.packages import ModelVersion, Registry, scoring


class NeedsConfirmation(TrainingError):
    """A version is worse than the one that it would replace; nobody has said that it may."""


@dataclass(frozen=True)
class Change:
    """What approving a version changes.

    Attributes
    ----------
    new
        The version to approve.
    replaced
        The version that scores now and would no longer; None where there is none.
    newer
        A newer version that is approved and goes on scoring; None where there is none.
    """

    new: Details
    replaced: Details | None
    newer: ModelVersion | None

    @property
    def worse(self) -> tuple[str, ...]:
        """The metrics by which the new version is worse than the one it replaces."""
        return worse(self.new.metrics, self.replaced.metrics) if self.replaced else ()

    @property
    def doubts(self) -> str | None:
        """Why somebody should think again; None where there is no reason to."""
        if self.replaced is None or not self.worse:
            return None
        told = ", ".join(
            f"{name} {_shown(self.new.metrics, name)} after {_shown(self.replaced.metrics, name)}"
            for name in self.worse
        )
        data = [one.recorded.get("data_sha256") for one in (self.new, self.replaced)]
        note = "" if None not in data and data[0] == data[1] else "; not measured on the same data"
        numbers = self.new.version.number, self.replaced.version.number
        return f"version {numbers[0]} is worse than version {numbers[1]}, which it replaces ({told}{note})"


def change(registry: Registry, number: int) -> Change:
    """Look at what approving a version would change.

    Raises
    ------
    TrainingError
        The group has no such version.
    botocore.exceptions.ClientError
        AWS refused.
    """
    versions = registry.versions()
    new = registry.version(number, versions)
    others = [version for version in versions if version.number != number]
    scores = scoring(others)
    if scores is None:
        return Change(describe(registry, new), None, None)
    if scores.number > number:
        return Change(describe(registry, new), None, scores)
    return Change(describe(registry, new), describe(registry, scores), None)


def _shown(metrics: dict[str, float], name: str) -> str:
    return f"{metrics[name]:.4g}" if name in metrics else "not recorded"
