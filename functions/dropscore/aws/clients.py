"""The boto3 clients: made in one place, with bounded waits and retries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from threading import Lock
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from dropscore.domain.errors import ServiceBusy

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient
    from mypy_boto3_sqs import SQSClient

WORKING = Config(
    connect_timeout=3,
    read_timeout=20,
    retries={"mode": "standard", "total_max_attempts": 4},
    max_pool_connections=10,
)
"""For work from a queue: four tries of at most 23 s and backoff stay under 120 s of a function's 300 s."""

ANSWERING = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 2},
    max_pool_connections=10,
)
"""For who is waited for: two tries of at most 3 s and a backoff of at most 1 s.

No answer takes more than four calls one after the other without a look at the time left (`ENOUGH`), so that
they stay under 29 s; API Gateway waits for 30 ("Quotas for configuring and running an HTTP API"). Only where
somebody has written an object anew whose footer is kept can it be five.
"""

ENOUGH = timedelta(seconds=22)
"""What three such calls take at most, and a little: an answer begins no more of them with less time left."""

_PRESIGNING = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
"""Unless told otherwise, botocore presigns, in old regions, with a signature that does not open what a
customer key encrypts, and for an endpoint that may send the request on to one that it is not signed for.
"""

AwsError = (ClientError, BotoCoreError)
"""What a call can raise."""

BUSY_CODES = frozenset(
    {
        "ConditionalRequestConflict",  # another write of the key is under way (PutObject, API reference)
        "InternalError",
        "InternalServerError",
        "InternalFailure",
        "LimitExceededException",
        "OperationAborted",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ResourceLimitExceeded",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionConflictException",
    }
)
"""Error codes that pass by themselves: throttling, quotas and the services' own failures."""


class Clients:
    """One client per service, made when something is first asked of it.

    botocore reads a service's whole description to make one, 5 to 50 ms, and no invocation asks all of them.
    """

    def __init__(self, config: Config = WORKING) -> None:
        self._session = boto3.session.Session()
        self._config = config
        self._making = Lock()
        self._clients: dict[str, Any] = {}

    def s3(self) -> S3Client:
        """S3."""
        client: S3Client = self._one("s3", self._config.merge(_PRESIGNING))
        return client

    def dynamodb(self) -> DynamoDBClient:
        """DynamoDB."""
        client: DynamoDBClient = self._one("dynamodb", self._config)
        return client

    def sqs(self) -> SQSClient:
        """SQS."""
        client: SQSClient = self._one("sqs", self._config)
        return client

    def events(self) -> EventBridgeClient:
        """EventBridge."""
        client: EventBridgeClient = self._one("events", self._config)
        return client

    def sagemaker(self) -> SageMakerClient:
        """SageMaker."""
        client: SageMakerClient = self._one("sagemaker", self._config)
        return client

    def sagemaker_runtime(self, connect_seconds: float, read_seconds: float) -> SageMakerRuntimeClient:
        """What sends requests to endpoints, each once: whoever has asked is told to ask again."""
        config = Config(
            connect_timeout=connect_seconds,
            read_timeout=read_seconds,
            retries={"mode": "standard", "total_max_attempts": 1},
            max_pool_connections=2,
        )
        client: SageMakerRuntimeClient = self._later("sagemaker-runtime", config)
        return client

    def _one(self, service: str, config: Config) -> Any:
        if service not in self._clients:
            self._clients[service] = self._later(service, config)
        return self._clients[service]

    def _later(self, service: str, config: Config) -> Any:
        return _Later(partial(self._session.client, service, config=config), self._making)


class _Later:
    """Stands for a client until something is asked of it.

    Parameters
    ----------
    making
        Held while it is made: a session makes one client at a time ("Multithreading or multiprocessing with
        sessions", Boto3 documentation).
    """

    def __init__(self, make: Callable[[], Any], making: Lock) -> None:
        self._make = make
        self._making = making
        self._made: Any = None

    def __getattr__(self, name: str) -> Any:
        with self._making:
            if self._made is None:
                self._made = self._make()
        return getattr(self._made, name)


def error_code(error: Exception) -> str:
    """The service's code for an error; empty where the service did not answer."""
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else ""


def error_message(error: Exception) -> str:
    """The service's own words."""
    return str(error.response["Error"].get("Message", "")) if isinstance(error, ClientError) else str(error)


def portable(error: Exception) -> Exception:
    """The error as one that another process can rebuild.

    botocore makes a class for each error that a service's model names, and only where its client was made.
    """
    return ClientError(error.response, error.operation_name) if isinstance(error, ClientError) else error


def passes_by_itself(error: Exception) -> bool:
    """Whether repeating the call later can help: throttled, over a quota, or no answer at all."""
    if not isinstance(error, ClientError):
        return isinstance(error, (BotoCoreError, ServiceBusy))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return error_code(error) in BUSY_CODES or status >= HTTPStatus.INTERNAL_SERVER_ERROR
