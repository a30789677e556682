"""What the container answers when it cannot answer."""


class ContainerError(Exception):
    """The model cannot be served: answered with 500."""

    status = 500


class UnsupportedContentTypeError(ContainerError):
    """No decoder for the request's content type."""

    status = 415


class NotAcceptableError(ContainerError):
    """No encoder for what the request accepts."""

    status = 406
