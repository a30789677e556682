"""What can go wrong around the embedded AWS, and who can act on it."""


class LocalError(Exception):
    """Base of every error of the embedded AWS; its message says what to do next."""


class NotBuiltError(LocalError):
    """The functions have not been built (the reader can act: build them)."""


class NotInstalledError(LocalError):
    """An environment that the embedded AWS needs is missing (the reader can act: install it)."""


class PortInUseError(LocalError):
    """Another program listens on the port that was asked for (the reader can act: choose another)."""


class StartError(LocalError):
    """The embedded AWS did not come up; the message ends with the last lines of its log."""


class DeployError(LocalError):
    """The stack could not be created; the message names the resources and their reasons."""


class FunctionError(LocalError):
    """A function answered with an error, or not in time; the message says which."""
