"""The errors of the operator's command line; whoever runs it can act on them."""

from dropscore.domain.errors import DropscoreError


class OpsError(DropscoreError):
    """Something the person at the command line can put right; the message says what to do."""


class NotAnAddress(OpsError):
    """A URL is not one of a results API."""


class NoRegion(OpsError):
    """Neither the URL nor the settings say in which region the stack is."""


class NotSignedIn(OpsError):
    """There are no AWS credentials to sign with."""


class Unreachable(OpsError):
    """The results API did not answer, or not in time."""


class AddressTaken(OpsError):
    """Another program listens on the port that was asked for."""
