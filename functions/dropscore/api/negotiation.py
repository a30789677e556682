"""Which of what is on offer a client prefers (RFC 9110, 12.4 and 12.5)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_QUALITY = re.compile(r"q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)", re.IGNORECASE)
_WEIGHTLESS = 1.0


def preferred(header: str, offers: Sequence[str]) -> str | None:
    """The offer that an Accept header likes best, of several the first; None when it likes none.

    The most specific range decides about an offer. Parameters of ranges are not looked at: an offer has none.
    A header that is missing or cannot be read takes everything.

    Parameters
    ----------
    header
        Empty where there is none.
    offers
        Media types in the order of our own preference, at least one.
    """
    weights = dict(_weights(header)) or {"*/*": _WEIGHTLESS}
    best = max(offers, key=lambda offer: _weight(weights, offer))
    return best if _weight(weights, best) else None


def takes_gzip(header: str) -> bool:
    """Whether an Accept-Encoding header lets us compress; a missing one does not ask for it."""
    weights = dict(_weights(header))
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0))) > 0


def _weight(weights: dict[str, float], offer: str) -> float:
    ranges = (offer, f"{offer.partition('/')[0]}/*", "*/*")
    return next((weights[name] for name in ranges if name in weights), 0.0)


def _weights(header: str) -> Iterator[tuple[str, float]]:
    """The members of a list with their weights; one that cannot be read is left out."""
    for member in header.lower().split(","):
        name, *parameters = (part.strip() for part in member.split(";"))
        said = [part for part in parameters if part.startswith("q=")]
        weight = _QUALITY.fullmatch(said[-1]) if said else None
        if name and (weight or not said):
            yield name, float(weight[1]) if weight else _WEIGHTLESS
