"""A request's way: which version serves, its features, the endpoint's answer, the predictions."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dropscore.api.errors import BadRequest
from dropscore.aws.clients import AwsError, error_code
from dropscore.aws.endpoint import Answered, Endpoint, EndpointBusy, ModelFailed
from dropscore.aws.objects import Bucket
from dropscore.deadline import Deadline
from dropscore.domain.errors import ModelUnusable
from dropscore.domain.serving import Serving
from dropscore.domain.spec import FeatureSpec
from dropscore.predict.asked import Asked
from dropscore.predict.matrix import Matrix, matrix

NO_ROWS = "\n"
"""A blank line: `inference.py` answers it with nothing, and the answer names the variant."""

_TRIES = 3
_SOON = 1


@dataclass(frozen=True)
class Predicted:
    """Predictions, one a row, and the version of the model that made them."""

    predictions: list[float]
    version: int


@dataclass(frozen=True)
class _Known:
    """The version that served last, with its feature spec."""

    serving: Serving
    spec: FeatureSpec


class Predict:
    """Predicts with whatever version the endpoint serves; it lives as long as its function's environment."""

    def __init__(self, endpoint: Endpoint, models: Bucket, group: str) -> None:
        self._endpoint = endpoint
        self._models = models
        self._group = group
        self._known: _Known | None = None

    def __call__(self, asked: Asked, deadline: Deadline) -> Predicted:
        """Predict.

        The version that served last is taken to serve still. Where that turns out wrong, by the answer or
        because the request does not suit it, everything is done again for the one that does.

        Raises
        ------
        BadRequest, TooLarge
            The sender can act.
        EndpointBusy, EndpointSilent, ModelFailed, ModelUnusable
            See there.
        """
        before = self._known
        try:
            return self._predict(asked, deadline)
        except (BadRequest, ModelFailed):
            if before is None or self._learn(self._endpoint.ask(NO_ROWS, deadline.left)) == before:
                raise
            return self._predict(asked, deadline)

    def _predict(self, asked: Asked, deadline: Deadline) -> Predicted:
        for _ in range(_TRIES):
            known = self._known or self._learn(self._endpoint.ask(NO_ROWS, deadline.left))
            rows = matrix(asked, known.spec)
            answered = self._endpoint.ask(_csv(rows), deadline.left)
            if answered.variant == known.serving.variant:
                return Predicted(_numbers(answered.body, len(rows)), known.serving.version)
            self._learn(answered)
        raise EndpointBusy("the endpoint changes its version", _SOON)

    def _learn(self, answered: Answered) -> _Known:
        """The version that has answered. Its feature spec never changes, so it is read once."""
        if self._known is None or answered.variant != self._known.serving.variant:
            serving = Serving.parse(answered.variant)
            self._known = _Known(serving, serving.spec(self._read(serving)))
        return self._known

    def _read(self, serving: Serving) -> bytes:
        key = serving.spec_key(self._group)
        try:
            return self._models.read(key)
        except AwsError as error:
            # Without the right to list the bucket, a missing key is a forbidden one.
            if error_code(error) in ("NoSuchKey", "AccessDenied"):
                raise ModelUnusable(
                    f"the feature spec {self._models.uri(key)} cannot be read ({error_code(error)}): "
                    "run `python -m training endpoint up`"
                ) from error
            raise


def _csv(rows: Matrix) -> str:
    """Rows in the shortest decimals that read back the same, as shards hold them."""
    return "\n".join(",".join(map(repr, row)) for row in rows)


def _numbers(body: str, rows: int) -> list[float]:
    """The predictions in an answer.

    Raises
    ------
    ModelFailed
        There is not one finite number a row.
    """
    try:
        found = [float(line) for line in body.split("\n") if line.strip()]
    except ValueError as error:
        raise ModelFailed(f"the model answered with what is no prediction: {error}") from error
    if len(found) != rows:
        raise ModelFailed(f"the model answered {len(found)} predictions to {rows} rows")
    for index, number in enumerate(found):
        if not math.isfinite(number):
            raise ModelFailed(f"the model's prediction of row {index} is {number}")
    return found
