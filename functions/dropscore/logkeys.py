"""What log lines are about: drop, transform job, model version, under the keys that operators search for."""

from __future__ import annotations

from contextlib import AbstractContextManager

import boto3
import botocore
from aws_lambda_powertools import Logger

from dropscore.domain.drop import Drop
from dropscore.domain.job import Job

_logger = Logger(child=True)


def log_cold_start() -> None:
    """Log the versions of boto3 and botocore, once for each execution environment.

    The artifact brings neither: Lambda's runtime has them, and AWS updates it ("Runtime version updates", AWS
    Lambda Developer Guide).
    """
    _logger.info("cold start", boto3=boto3.__version__, botocore=botocore.__version__)


def about_drop(drop: Drop) -> AbstractContextManager[None]:
    """While it lasts, every log line carries the drop's `drop_id`."""
    return _logger.append_context_keys(drop_id=drop.drop_id)


def about_job(job: Job) -> AbstractContextManager[None]:
    """While it lasts, every log line carries the job's `transform_job` and `model_version`."""
    return _logger.append_context_keys(transform_job=job.name, model_version=job.model.version)
