"""Cursors: opaque to clients, and taken back only as they were given, for the request they were given for."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from zlib import crc32

from dropscore.api.errors import BadRequest, Fault

_VERSION = b"\x01"
_FINGERPRINT = 8
_CHECKSUM = 4
_SHORTEST = len(_VERSION) + _FINGERPRINT + _CHECKSUM


class Cursors:
    """Makes and reads the cursors of one request.

    A cursor is base64url (RFC 4648, no padding) of a version, a fingerprint of the request, a position and
    a checksum of these. That keeps accidents out, not malice: whoever is handed a position checks it as if
    it came from a stranger.

    Parameters
    ----------
    request
        What the request asks for: a cursor is good for the same again.
    """

    def __init__(self, *request: object) -> None:
        self._fingerprint = sha256(repr(request).encode()).digest()[:_FINGERPRINT]

    def write(self, position: str) -> str:
        """The cursor of a position."""
        said = _VERSION + self._fingerprint + position.encode()
        return urlsafe_b64encode(said + _checksum(said)).rstrip(b"=").decode()

    def read(self, cursor: str | None) -> str | None:
        """The position that a cursor stands for; None for none.

        Raises
        ------
        BadRequest
            It is not one of ours, or of another request.
        """
        if cursor is None:
            return None
        data = _decoded(cursor)
        said, checksum = data[:-_CHECKSUM], data[-_CHECKSUM:]
        if len(data) < _SHORTEST or _checksum(said) != checksum or said[:1] != _VERSION:
            raise refused("is not one that this API has given, or not all of it")
        if said[1 : 1 + _FINGERPRINT] != self._fingerprint:
            raise refused("was given for another request; repeat that one's parameters with it")
        try:
            return said[1 + _FINGERPRINT :].decode()
        except UnicodeDecodeError as error:
            raise refused("is not one that this API has given, or not all of it") from error


def refused(why: str) -> BadRequest:
    """The error for a cursor that is not taken."""
    return BadRequest(Fault("cursor", why))


def _checksum(data: bytes) -> bytes:
    return crc32(data).to_bytes(_CHECKSUM)


def _decoded(cursor: str) -> bytes:
    """The bytes of a cursor; nothing where it is not written as we do."""
    try:
        data = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except (UnicodeEncodeError, binascii.Error):
        return b""
    return data if urlsafe_b64encode(data).rstrip(b"=") == cursor.encode() else b""
