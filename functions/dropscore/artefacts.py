"""The model artefact of a version: compared with what was registered before SageMaker may load it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256

from dropscore.aws.objects import Bucket
from dropscore.domain.errors import ModelUnusable, SourceGone
from dropscore.domain.model import Package, key_in

AT_ONCE = 8 * 1024 * 1024
"""Bytes of an artefact in memory at a time; one request to S3 each."""


@dataclass(frozen=True)
class Artefacts:
    """The model artefacts in the models bucket. Loading one is running code: a pickle can do anything.

    Attributes
    ----------
    verified
        The model packages that have been seen to within the invocation.
    """

    models: Bucket
    verified: set[str] = field(default_factory=set)

    def verify(self, package: Package) -> None:
        """Make sure that a version's artefact is the one that was registered.

        Raises
        ------
        ModelUnusable
            It lies elsewhere, has no recorded hash, is gone, or is another one.
        ServiceBusy
            S3 throttles or does not answer.
        """
        if package.arn in self.verified:
            return
        uri, recorded = package.artefact()
        key = key_in(self.models.name, uri, f"{package}: its model artefact")
        try:
            found = self._sha256(key)
        except SourceGone as error:
            raise ModelUnusable(f"{package}: its model artefact {uri} is gone") from error
        if found != recorded:
            raise ModelUnusable(
                f"{package}: its model artefact {uri} is not the one that was registered (sha256 {found}, "
                f"registered {recorded}); find out who exchanged it"
            )
        self.verified.add(package.arn)

    def _sha256(self, key: str) -> str:
        digest = sha256()
        with closing(self.models.open(key)) as file:
            while chunk := file.read(AT_ONCE):
                digest.update(chunk)
        return digest.hexdigest()
