"""The results API's own composition root: what it reads from, built of the environment once per cold start.

Not the other functions' (`dropscore.bootstrap`): what they are made of loads pyarrow, and for that only who
reads rows shall wait.
"""

from __future__ import annotations

import os
from functools import lru_cache

from dropscore.api.app import ResultsApi
from dropscore.api.reading import Reading
from dropscore.aws.clients import ANSWERING, Clients
from dropscore.aws.ledger import Catalogue, Drops, Jobs, OpenWork, Table, Versions
from dropscore.aws.objects import Bucket
from dropscore.aws.registry import Registry
from dropscore.deadline import system_clock
from dropscore.logkeys import log_cold_start
from dropscore.settings import ApiSettings

READ_ROUNDS = 2
"""Of a batch read: a look of the catalogue is one query and this (`aws.clients.ANSWERING`)."""


@lru_cache(maxsize=1)
def results_api() -> ResultsApi:
    """The API of this execution environment, built at its first request."""
    log_cold_start()
    settings, clients = ApiSettings.read(os.environ), Clients(ANSWERING)
    table = Table(clients.dynamodb(), settings.ledger_table, READ_ROUNDS)
    index = OpenWork(table)
    drops = Drops(table, index)
    reading = Reading(
        drops=drops,
        jobs=Jobs(table, index, drops),
        versions=Versions(table),
        catalogue=Catalogue(table),
        registry=Registry(clients.sagemaker(), settings.model_package_group),
        results=Bucket(clients.s3(), settings.results_bucket),
        settings=settings,
    )
    return ResultsApi(reading, system_clock)
