"""The errors of the operator's command line; whoever runs it can act on them."""

from dropscore.domain.errors import DropscoreError


class OpsError(DropscoreError):
    """Something the person at the command line can put right; the message says what to do."""


class NotAnAddress(OpsError):
    """A URL is not one of a results API, or of the stack's inbox."""


class NoRegion(OpsError):
    """Neither the URL nor the settings say in which region the stack is."""


class NotSignedIn(OpsError):
    """There are no AWS credentials to sign with."""


class Unreachable(OpsError):
    """The results API did not answer, or not in time."""


class AddressTaken(OpsError):
    """Another program listens on the port that was asked for."""


class NoStack(OpsError):
    """There is no stack of that name, or nothing says where the local one is."""


class NotADrop(OpsError):
    """Neither the ledger nor the inbox knows what was named, or its key says that it is no drop."""


class BadChoice(OpsError):
    """Options that do not go together, or a value that is none."""


class NeedsConfirmation(OpsError):
    """Nobody has agreed to something that costs money."""


class FunctionFailed(OpsError):
    """SweepFunction could not do what was asked; its log says why."""


class QueueRefused(OpsError):
    """SQS took some messages and refused others; none is lost."""


class NothingToSee(OpsError):
    """An item of the smoke test cannot say anything here, and nothing is wrong with it."""
