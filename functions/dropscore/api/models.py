"""`/models`: the versions that the registry has, and which of them scores now."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.request import Request

from dropscore.api.answers import ModelPage, RegisteredModel, ScoresNow
from dropscore.api.caching import CHECKED
from dropscore.api.cursors import Cursors
from dropscore.api.errors import BadRequest, Fault
from dropscore.api.links import next_link
from dropscore.api.media import JSON, json_only
from dropscore.api.parameters import CURSOR_CHARACTERS, Cursor, ModelLimit
from dropscore.api.reading import Reading
from dropscore.api.recent import Recent
from dropscore.aws.clients import ENOUGH
from dropscore.deadline import Deadline
from dropscore.domain.errors import ModelUnusable, ServiceBusy
from dropscore.domain.model import Listed

_TOO_LONG = (
    "ends the page at a place that no cursor can hold: SageMaker's own token for it has more than 6,000 "
    "characters; ask for another number of versions, or list them with SageMaker's ListModelPackages"
)
"""A token has 8,192 characters at most (API reference); a cursor made of it would have 10,940."""

GOOD_FOR = timedelta(seconds=10)
"""How long the registry is not asked the same again. Not long: a version's approval may be taken back."""


@dataclass(frozen=True)
class ModelRoutes:
    """What there is to know about the model's versions.

    SageMaker throttles by account: who reads on and on would keep prepare and dispatch from their model.
    What the ledger says, whether a version is held, is of this moment.
    """

    reading: Reading
    recent: Recent = field(default_factory=lambda: Recent(GOOD_FOR))

    def models(self, request: Request, limit: ModelLimit = 10, cursor: Cursor = None) -> Response[ModelPage]:
        """The versions of the model, the newest first, with their metrics, and which one scores now."""
        json_only(request)
        registry, deadline = self.reading.registry, request.context["deadline"]
        cursors = Cursors("models", registry.group)
        after = cursors.read(cursor)
        listing = self.recent.get((limit, after), deadline.clock, lambda: registry.versions(limit, after))
        following = cursors.write(listing.position) if listing.position else None
        if following and len(following) > CURSOR_CHARACTERS:
            raise BadRequest(Fault("limit", _TOO_LONG))
        body = ModelPage(
            model_group=registry.group,
            scores_now=self._scores_now(deadline),
            models=[self._model(version, deadline) for version in listing.versions],
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
        package = self.recent.get(
            version.arn, deadline.clock, lambda: self.reading.registry.describe(version.arn)
        )
        return RegisteredModel.of(version, package, self._held(version.arn))

    def _scores_now(self, deadline: Deadline) -> ScoresNow:
        """The newest approved version, unless it cannot score: then none does (the design, "States")."""
        package = self.recent.get("scores now", deadline.clock, self.reading.registry.newest_approved)
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
