"""A stack's results API, as a reader with AWS credentials reaches it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import BotoCoreError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from ops.errors import NoRegion, NotAnAddress, NotSignedIn, Unreachable

SERVICE = "execute-api"
HOST = re.compile(r"[a-z0-9]+\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?", re.ASCII)
LOOPBACK = ("127.0.0.1", "localhost")
CONNECT_SECONDS = 5
ANSWER_SECONDS = 35
"""API Gateway gives up on a function after 30 ("Quotas for configuring and running an HTTP API")."""

UNDISTURBED = "-_.~"
"""What SigV4 leaves as it is, besides letters and digits, in a query."""


class Credentials(Protocol):
    """Credentials of botocore's, which may be renewed as time goes by."""

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """The credentials of now."""


@dataclass(frozen=True)
class Answer:
    """What the API has answered; a redirect is not followed, a compressed body not unpacked."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first value of a header, in whatever case it was sent."""
        return next((value for found, value in self.headers if found.lower() == name.lower()), None)


def region_of(url: str, otherwise: str | None) -> str:
    """The region that the address of an API names, else another.

    Raises
    ------
    NoRegion
        There is neither.
    """
    found = HOST.fullmatch(urlsplit(url).hostname or "")
    region = found[1] if found else otherwise
    if region is None:
        raise NoRegion(f"{url} does not say which region it is in: pass --region, or set AWS_REGION")
    return region


class ResultsApi:
    """Signs requests and sends them.

    Parameters
    ----------
    url
        The stack's output ``ResultsApiUrl``.
    credentials
        Whose: a policy has to allow them ``execute-api:Invoke``.
    region
        The stack's.

    Raises
    ------
    NotAnAddress
        The URL is not https, loopback aside, or carries more than a path.
    """

    def __init__(self, url: str, credentials: Credentials, region: str) -> None:
        parts = urlsplit(url)
        on_loopback = parts.hostname in LOOPBACK
        if parts.scheme != "https" and not (on_loopback and parts.scheme == "http"):
            raise NotAnAddress(f"{url} is no https address: give the stack's output ResultsApiUrl")
        if parts.query or parts.fragment or parts.username or not parts.hostname:
            raise NotAnAddress(f"{url} is not the address of an API: give the stack's output ResultsApiUrl")
        self.url = url.rstrip("/") + "/"
        self._credentials = credentials
        self._region = region
        self._session = URLLib3Session(
            proxies={} if on_loopback else get_environ_proxies(self.url),
            timeout=(CONNECT_SECONDS, ANSWER_SECONDS),  # type: ignore[arg-type] # urllib3 takes both
        )

    def ask(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        """Send a signed request.

        Parameters
        ----------
        method
            GET, HEAD or POST.
        target
            Path and query, relative to the API's URL: ``drops?limit=1``.
        headers
            To send; they are not part of the signature.
        body
            To send.

        Raises
        ------
        NotAnAddress
            The path has dots for a segment, and might lead out of the API.
        NotSignedIn
            The credentials have expired, and cannot be renewed.
        Unreachable
            There is no answer.
        """
        request = AWSRequest(method=method, url=self._address(target), data=body)
        SigV4Auth(self._frozen(), SERVICE, self._region).add_auth(request)
        return self._send(request, headers)

    def ask_unsigned(self, method: str, target: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a request as somebody without credentials does; parameters and errors as of `ask`."""
        return self._send(AWSRequest(method=method, url=self._address(target)), headers)

    def _send(self, request: AWSRequest, headers: Mapping[str, str] | None) -> Answer:
        for name, value in (headers or {}).items():
            request.headers[name] = value
        try:
            answer = self._session.send(request.prepare())
            return Answer(answer.status_code, tuple(answer.headers.items()), answer.content)
        except BotoCoreError as error:
            raise Unreachable(f"the results API does not answer ({error})") from error

    def _frozen(self) -> ReadOnlyCredentials:
        try:
            return self._credentials.get_frozen_credentials()
        except BotoCoreError as error:
            raise NotSignedIn(f"sign in again, as for the AWS CLI ({error})") from error

    def _address(self, target: str) -> str:
        path, mark, query = target.partition("?")
        if any(unquote(segment) in {".", ".."} for segment in path.split("/")):
            raise NotAnAddress(f"{path} is not a path of the results API")
        # A blank may be sent as a plus sign, too, but is signed as %20.
        pairs = parse_qsl(query, keep_blank_values=True)
        return f"{self.url}{path}{mark}{urlencode(pairs, quote_via=quote, safe=UNDISTURBED)}"
