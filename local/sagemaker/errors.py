"""The errors SageMaker answers with; all are the caller's to act on."""


class SageMakerError(Exception):
    """An error the service answers with: HTTP 400, a code and a message."""

    code = "ValidationException"


class ValidationError(SageMakerError):
    """The request does not satisfy the operation's constraints."""


class SerializationError(SageMakerError):
    """The request is not what the operation's model can be read from."""

    code = "SerializationException"


class UnknownOperationError(SageMakerError):
    """The stand-in has no such operation."""

    code = "UnknownOperationException"


class ResourceInUseError(SageMakerError):
    """The name is taken."""

    code = "ResourceInUse"


class ResourceLimitError(SageMakerError):
    """A quota of the account is used up."""

    code = "ResourceLimitExceeded"


class ThrottledError(SageMakerError):
    """Too many calls."""

    code = "ThrottlingException"


class ConflictError(SageMakerError):
    """The resource is in a state that does not admit the change."""

    code = "ConflictException"


class AccessDeniedError(SageMakerError):
    """The caller's policies do not allow it."""

    code = "AccessDeniedException"
