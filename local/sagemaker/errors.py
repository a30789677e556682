"""The errors SageMaker answers with; all are the caller's to act on."""

from typing import ClassVar


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


class RuntimeRefusal(SageMakerError):
    """An error of sagemaker-runtime, which has HTTP statuses and codes of its own.

    Parameters
    ----------
    code
        One of `STATUSES`; sagemaker-runtime says ValidationError where SageMaker says ValidationException.
    details
        Further members of the answer.
    """

    # botocore's model of sagemaker-runtime; ThrottlingException: "Common Errors" of the API reference.
    STATUSES: ClassVar[dict[str, int]] = {
        "ValidationError": 400,
        "ThrottlingException": 400,
        "ModelError": 424,
        "ModelNotReadyException": 429,
        "InternalFailure": 500,
        "ServiceUnavailable": 503,
        "InternalDependencyException": 530,
    }

    def __init__(self, code: str, message: str | None, **details: object) -> None:
        super().__init__(message)
        self.code, self.message, self.details = code, message, details

    @property
    def status(self) -> int:
        """The HTTP status it is answered with."""
        return self.STATUSES[self.code]
