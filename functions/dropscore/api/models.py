"""`/models`: the versions that the registry has, and which of them scores now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.request import Request

from dropscore.api.answers import ModelPage, RegisteredModel, ScoresNow
from dropscore.api.caching import CHECKED
from dropscore.api.cursors import Cursors
from dropscore.api.links import next_link
from dropscore.api.media import JSON, json_only
from dropscore.api.parameters import Cursor, ModelLimit
from dropscore.api.reading import Reading
from dropscore.deadline import Deadline
from dropscore.domain.errors import ModelUnusable, ServiceBusy
from dropscore.domain.model import Listed

ENOUGH = timedelta(seconds=15)
"""What two calls take at most (`aws.clients.ANSWERING`), and a little."""


@dataclass(frozen=True)
class ModelRoutes:
    """What there is to know about the model's versions."""

    reading: Reading

    def models(self, request: Request, limit: ModelLimit = 10, cursor: Cursor = None) -> Response[ModelPage]:
        """The versions of the model, the newest first, with their metrics, and which one scores now."""
        json_only(request)
        registry = self.reading.registry
        cursors = Cursors("models", registry.group)
        listing = registry.versions(limit, cursors.read(cursor))
        following = cursors.write(listing.position) if listing.position else None
        body = ModelPage(
            model_group=registry.group,
            scores_now=self._scores_now(),
            models=[self._model(version, request.context["deadline"]) for version in listing.versions],
            next_cursor=following,
        )
        return Response(HTTPStatus.OK.value, JSON, body, {**CHECKED, **next_link(request, following)})

    def _model(self, version: Listed, deadline: Deadline) -> RegisteredModel:
        """A version with what its package and the ledger say.

        Raises
        ------
        ServiceBusy
            The registry has been so slow that a call more might take longer than there is time.
        """
        if deadline.left < ENOUGH:
            raise ServiceBusy("the registry answers too slowly")
        package = self.reading.registry.describe(version.arn)
        return RegisteredModel.of(version, package, self._held(version.arn))

    def _scores_now(self) -> ScoresNow:
        """The newest approved version, unless it cannot score: then none does (the design, "States")."""
        package = self.reading.registry.newest_approved()
        if package is None:
            return ScoresNow(model_version=None, reason="no version is approved")
        try:
            package.model_version()
            package.artefact()
        except ModelUnusable as error:
            return ScoresNow(model_version=None, reason=str(error))
        if held := self._held(package.arn):
            return ScoresNow(model_version=None, reason=f"version {package.version} is held: {held}")
        return ScoresNow(model_version=package.version, reason=None)

    def _held(self, arn: str) -> str | None:
        return self.reading.versions.get(arn).held
