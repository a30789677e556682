"""The composition root of the process that reads files: it loads what the functions do without."""

from __future__ import annotations

import os

from dropscore.aws.clients import Clients
from dropscore.aws.objects import Bucket, Inbox
from dropscore.files.results import Results
from dropscore.files.work import FileWork
from dropscore.settings import Settings


def file_work() -> FileWork:
    """The work with files, for the process that does it."""
    settings, s3 = Settings.read(os.environ), Clients().s3()
    return FileWork(
        Inbox(s3, settings.inbox_bucket),
        Bucket(s3, settings.work_bucket),
        Results(Bucket(s3, settings.results_bucket)),
        settings.limits,
        settings.code_version,
    )
