"""The boto3 clients: made in one place, with bounded waits and retries."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

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
    """One client per service, made when first asked for."""

    def __init__(self, config: Config = WORKING) -> None:
        self._session = boto3.session.Session()
        self._config = config

    def s3(self) -> S3Client:
        """S3."""
        return self._session.client("s3", config=self._config.merge(_PRESIGNING))

    def dynamodb(self) -> DynamoDBClient:
        """DynamoDB."""
        return self._session.client("dynamodb", config=self._config)

    def sqs(self) -> SQSClient:
        """SQS."""
        return self._session.client("sqs", config=self._config)

    def events(self) -> EventBridgeClient:
        """EventBridge."""
        return self._session.client("events", config=self._config)

    def sagemaker(self) -> SageMakerClient:
        """SageMaker."""
        return self._session.client("sagemaker", config=self._config)

    def sagemaker_runtime(self, connect_seconds: float, read_seconds: float) -> SageMakerRuntimeClient:
        """What sends requests to endpoints, each once: whoever has asked is told to ask again."""
        config = Config(
            connect_timeout=connect_seconds,
            read_timeout=read_seconds,
            retries={"mode": "standard", "total_max_attempts": 1},
            max_pool_connections=2,
        )
        return self._session.client("sagemaker-runtime", config=config)


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
