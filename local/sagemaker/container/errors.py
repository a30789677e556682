"""What the container answers when it cannot answer, and how it ends when it does not start."""

BOOT_FAILED = 3
"""The exit code of a gunicorn whose workers do not start (benoitc/gunicorn, ``arbiter.py``)."""


class ContainerError(Exception):
    """The model cannot be served: answered with 500."""

    status = 500


class InstallModuleError(ContainerError):
    """The model's code cannot be installed: the container ends."""


class UnsupportedContentTypeError(ContainerError):
    """No decoder for the request's content type."""

    status = 415


class NotAcceptableError(ContainerError):
    """No encoder for what the request accepts."""

    status = 406
