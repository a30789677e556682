"""The errors of training; whoever trains or registers a model can act on them."""

from dropscore.domain.errors import DropscoreError


class TrainingError(DropscoreError):
    """The data, the training run or the model package is not fit to go on; the message says what to do."""


class NotEnoughRows(TrainingError):
    """Too few usable rows were found to train on.

    Attributes
    ----------
    finding
        What was found, without advice.
    """

    def __init__(self, finding: str) -> None:
        super().__init__(f"{finding}: give files that have the features and the target")
        self.finding = finding


class SeveralZones(TrainingError):
    """Files have timestamps of several zones, or some of them have none, and no zone was asked for."""


class PackageRefused(TrainingError):
    """A model archive or its feature spec would not work in the container; nothing was registered."""
