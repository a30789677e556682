"""The ledger: the DynamoDB table that says what became of every drop and job."""

from dropscore.aws.ledger.catalogue import Catalogue
from dropscore.aws.ledger.dispatching import DispatchLease, Versions
from dropscore.aws.ledger.drops import Drops, Held
from dropscore.aws.ledger.index import OpenWork
from dropscore.aws.ledger.jobs import Jobs
from dropscore.aws.ledger.table import Conflict, Table

__all__ = [
    "Catalogue",
    "Conflict",
    "DispatchLease",
    "Drops",
    "Held",
    "Jobs",
    "OpenWork",
    "Table",
    "Versions",
]
