"""Query strings taken at their word: what a route does not know, or hears twice, is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from urllib.parse import parse_qsl

from dropscore.api.errors import Fault

MOST_PARAMETERS = 50
"""More are not even looked at."""


def query_faults(query: str, known: Collection[str]) -> list[Fault]:
    """What is wrong with a query string, whatever the values mean.

    Powertools ignores what a route has no parameter for: a filter with a slip in its name would give all.

    Parameters
    ----------
    query
        `rawQueryString`, percent-encoded.
    known
        The parameters of the route.
    """
    try:
        said = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS)
    except UnicodeDecodeError:
        return [Fault("", "the query is not UTF-8")]
    except ValueError:
        return [Fault("", f"the query has more than {MOST_PARAMETERS} parameters")]
    counts = Counter(name for name, _ in said)
    empty = {name for name, value in said if not value}
    faults = []
    for name, count in counts.items():
        if name not in known:
            faults.append(Fault(name, f"is no parameter here; {_list(known)}"))
        elif count > 1:
            faults.append(Fault(name, "is there more than once"))
        elif name in empty:
            faults.append(Fault(name, "is empty"))
    return faults


def _list(known: Collection[str]) -> str:
    return f"there are {', '.join(known)}" if known else "there are none"
