"""What log lines are about: drop, transform job, model version, under the keys that operators search for."""

from __future__ import annotations

from contextlib import AbstractContextManager

from aws_lambda_powertools import Logger

from dropscore.domain.drop import Drop
from dropscore.domain.job import Job

_logger = Logger(child=True)


def about_drop(drop: Drop) -> AbstractContextManager[None]:
    """While it lasts, every log line carries the drop's `drop_id`."""
    return _logger.append_context_keys(drop_id=drop.drop_id)


def about_job(job: Job) -> AbstractContextManager[None]:
    """While it lasts, every log line carries the job's `transform_job` and `model_version`."""
    return _logger.append_context_keys(transform_job=job.name, model_version=job.model.version)
