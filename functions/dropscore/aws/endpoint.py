"""SageMaker's endpoint: rows in, predictions out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError, ReadTimeoutError

from dropscore.aws.clients import AwsError, error_code, error_message, passes_by_itself
from dropscore.domain.errors import DropscoreError, ModelUnusable

if TYPE_CHECKING:
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

CSV = "text/csv"
MOST_BYTES = 4 * 1024 * 1024
"""Of a request to a serverless endpoint ("Invoke a serverless endpoint", SageMaker AI developer guide)."""

STARTING_SECONDS, THROTTLED_SECONDS = 5, 1
"""When to ask again: a container takes seconds to start, another request most often less than one."""

CONNECT_SECONDS = 2
READ_SECONDS = (20, 5)
"""For a model that may have to be started, and for one where that has taken most of the time."""


class TooLarge(DropscoreError):
    """The rows take more bytes than an endpoint takes: the sender can send fewer at a time."""


class EndpointBusy(DropscoreError):
    """The endpoint cannot answer now: nobody acts, the sender asks again.

    Attributes
    ----------
    retry_after
        Seconds.
    """

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class EndpointSilent(DropscoreError):
    """The model has not answered in time: the sender can ask again, with fewer rows."""


class ModelFailed(DropscoreError):
    """The model's container answers with an error, or with what is no prediction: the operator can act."""


@dataclass(frozen=True)
class Answered:
    """What the endpoint has answered.

    Attributes
    ----------
    body
        The container's text.
    variant
        Name of the production variant that it is from.
    """

    body: str
    variant: str


class Endpoint:
    """One endpoint.

    Parameters
    ----------
    clients
        Of sagemaker-runtime, by the seconds that each waits for an answer: a client cannot be told per call.
    """

    def __init__(self, clients: Mapping[float, SageMakerRuntimeClient], name: str) -> None:
        self._clients = dict(sorted(clients.items(), reverse=True))
        self.name = name

    def ask(self, rows: str, left: timedelta) -> Answered:
        """Send rows as CSV.

        Parameters
        ----------
        left
            How long the answer may take; the most patient client that fits into it is used.

        Raises
        ------
        EndpointBusy, EndpointSilent, ModelFailed, ModelUnusable, TooLarge
            See there; ModelUnusable when there is no such endpoint.
        botocore.exceptions.ClientError
            AWS refuses otherwise, for instance for lack of a permission.
        """
        for seconds, client in self._clients.items():
            if timedelta(seconds=CONNECT_SECONDS + seconds) < left:
                return self._ask(client, rows)
        raise EndpointBusy("the model has just been started", THROTTLED_SECONDS)

    def _ask(self, client: SageMakerRuntimeClient, rows: str) -> Answered:
        body = rows.encode()
        if len(body) > MOST_BYTES:
            raise TooLarge(
                f"the rows take {len(body):,} bytes, the endpoint takes {MOST_BYTES:,}: send fewer"
            )
        try:
            answer = client.invoke_endpoint(EndpointName=self.name, Body=body, ContentType=CSV, Accept=CSV)
            text = answer["Body"].read().decode()
        except ReadTimeoutError as error:
            raise EndpointSilent(f"endpoint {self.name} did not answer in time") from error
        except AwsError as error:
            raise self._told(error) from error
        return Answered(text, answer["InvokedProductionVariant"])

    def _told(self, error: Exception) -> Exception:
        """The service's error as who can act on it; errors that are not told apart stay as they are."""
        code = error_code(error)
        if code == "ModelError" and isinstance(error, ClientError):
            return _model_error(error)
        if code == "ValidationError":
            return ModelUnusable(
                f"endpoint {self.name} does not take requests ({error_message(error)}): "
                "`python -m training endpoint status` says how it is"
            )
        if code == "ThrottlingException":
            return EndpointBusy(f"endpoint {self.name} has as many requests as it takes", THROTTLED_SECONDS)
        if code == "ModelNotReadyException" or passes_by_itself(error):
            return EndpointBusy(f"endpoint {self.name} is not ready: {code or error}", STARTING_SECONDS)
        return error


def _model_error(error: ClientError) -> Exception:
    """What the container says; the status 0 stands for no answer within 60 seconds (seen on AWS)."""
    status, told = error.response.get("OriginalStatusCode"), error.response.get("OriginalMessage")
    if not status:
        return EndpointSilent(f"the model did not answer in time: {told}")
    return ModelFailed(f"the model answered with status {status}: {told}")
