"""A production variant at work: a container that is started when it is needed and ended when it idles."""

from __future__ import annotations

import contextlib
import http.client
import secrets
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.sagemaker.authorization import access
from local.sagemaker.errors import RuntimeRefusal
from local.sagemaker.faults import faults
from local.sagemaker.instance.container_client import Container, Reply
from local.sagemaker.instance.errors import AlgorithmFault, ClientFault
from local.sagemaker.instance.log_stream import LogStream
from local.sagemaker.instance.model_folder import fetch_model
from local.sagemaker.store import Document, Model

# No request takes longer: the container has 60 seconds (InvokeEndpoint, API reference).
DRAIN_SECONDS = 60.0


class VariantFault(Exception):
    """The variant's container does not come up; the message is the endpoint's FailureReason."""


class Unanswered(Exception):
    """The container has not answered in time, or is gone."""


class Variant:
    """One production variant of an endpoint.

    SageMaker runs as many containers as there are requests at once, up to MaxConcurrency. Here one container
    takes one request after the other; what is over MaxConcurrency is refused all the same.

    Parameters
    ----------
    endpoint
        Name of the endpoint; its containers' logs are found under it.
    variant
        The ProductionVariant of the endpoint configuration.
    model
        What it serves.
    region
        The endpoint's.
    """

    def __init__(self, endpoint: str, variant: Document, model: Model, region: str) -> None:
        self.name: str = variant["VariantName"]
        self.image = model.container.image
        self.serverless: Document = variant["ServerlessConfig"]
        self._endpoint, self._model, self._region = endpoint, model, region
        self._in_flight = 0
        self._changed = threading.Condition()
        self._turn = threading.RLock()
        self._container: Container | None = None
        self._resources = contextlib.ExitStack()
        self._idle = threading.Timer(0, lambda: None)

    def enter(self) -> None:
        """Count a request in; `leave` counts it out.

        Raises
        ------
        RuntimeRefusal
            ThrottlingException, when there are MaxConcurrency requests already. Its message is null, as seen
            on AWS (opensearch-project/ml-commons, issue 2429).
        """
        with self._changed:
            if self._in_flight >= self.serverless["MaxConcurrency"]:
                raise RuntimeRefusal("ThrottlingException", None)
            self._in_flight += 1

    def leave(self) -> None:
        """Count a request out."""
        with self._changed:
            self._in_flight -= 1
            self._changed.notify_all()

    def start(self) -> None:
        """Start a container and wait until it is healthy.

        Raises
        ------
        VariantFault
            When it is not, with the reason in the service's words.
        """
        with self._turn:
            self._running()

    def invoke(self, body: bytes, content_type: str, accept: str) -> Reply:
        """Have a container answer, starting one if none is there.

        Raises
        ------
        VariantFault
            When it does not start.
        Unanswered
            When it does not answer in time; it is ended then.
        """
        with self._turn:
            container = self._running()
            time.sleep(faults.settings.invoke_delay_seconds)
            try:
                reply = container.ask(body, content_type, accept)
            except (OSError, http.client.HTTPException) as problem:
                self._end()
                raise Unanswered from problem
            if reply.status != http.HTTPStatus.OK:
                self._log.write()
            return reply

    def close(self) -> None:
        """End the container once the requests that are counted in are answered."""
        with self._changed:
            self._changed.wait_for(lambda: not self._in_flight, DRAIN_SECONDS)
        with self._turn:
            self._end()

    def _running(self) -> Container:
        self._idle.cancel()
        if self._container is None:
            time.sleep(faults.settings.cold_start_seconds)
            try:
                self._container = self._start()
            except BaseException:
                self._end()
                raise
        self._idle = threading.Timer(faults.settings.idle_seconds, self._end_if_idle)
        self._idle.daemon = True
        self._idle.start()
        return self._container

    def _start(self) -> Container:
        model, settings = self._model, faults.settings
        role = access(model.role_arn, self._region)
        folder = Path(self._resources.enter_context(tempfile.TemporaryDirectory(prefix="endpoint-")))
        container = self._resources.enter_context(
            Container(folder, model.container.environment, timeout=settings.answer_seconds, retries=0)
        )
        stream = f"{self.name}/{secrets.token_hex(16)}"
        log = LogStream(role.client("logs"), f"/aws/sagemaker/Endpoints/{self._endpoint}", stream)
        self._log = _ContainerLog(container, log)
        self._resources.callback(self._log.write)
        if model.container.artifact:
            _fetch(role.client("s3"), model.container.artifact, folder)
        try:
            container.load(settings.ping_seconds)
        except AlgorithmFault as problem:
            raise VariantFault(
                f"The primary container for production variant {self.name} did not pass the ping health "
                "check. Please check CloudWatch logs for this endpoint."
            ) from problem
        return container

    def _end_if_idle(self) -> None:
        """End the container unless a request is there; the next one is a cold start."""
        if self._turn.acquire(blocking=False):
            try:
                if not self._in_flight:
                    self._end()
            finally:
                self._turn.release()

    def _end(self) -> None:
        self._idle.cancel()
        self._container = None
        self._resources.close()


class _ContainerLog:
    """What a container says, written to a log stream as it comes along."""

    def __init__(self, container: Container, stream: LogStream) -> None:
        self._container, self._stream = container, stream
        self._written = 0

    def write(self) -> None:
        """Write what is new."""
        lines = self._container.output().splitlines()
        self._stream.put(lines[self._written :])
        self._written = len(lines)


def _fetch(s3: Any, artifact: str, folder: Path) -> None:
    """Download and unpack the model data, in the role's name."""
    try:
        fetch_model(s3, artifact, folder)
    except ClientFault as problem:
        raise VariantFault(
            f'Failed to extract model data archive from URL "{artifact}". Please ensure that the object '
            "located at the URL is a valid tar.gz archive."
        ) from problem
    except (ClientError, BotoCoreError) as problem:
        raise VariantFault(
            f'Failed to download model data from URL "{artifact}". Please ensure that the object is there '
            f"and that the model's role may read it ({problem})."
        ) from problem
