"""The clients of SageMaker and S3, and who is told while SageMaker works."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from training.errors import TrainingError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient

Report = Callable[[str, float], None]
"""Is told how something is at SageMaker, and for how many seconds it has been waited for."""


@dataclass(frozen=True)
class Clients:
    """The clients that training needs.

    Attributes
    ----------
    sagemaker, s3
        Of boto3.
    region
        Theirs.
    """

    sagemaker: "SageMakerClient"
    s3: "S3Client"
    region: str


def connect(endpoint_url: str | None, region: str | None) -> Clients:
    """Make clients with bounded patience.

    Parameters
    ----------
    endpoint_url
        Of another AWS than the real one.
    region
        None: the AWS CLI's.

    Raises
    ------
    TrainingError
        No region is set.
    """
    session = boto3.Session(region_name=region)
    if session.region_name is None:
        raise TrainingError("no AWS region is set: pass --region, or set AWS_REGION")
    config = Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 5})
    return Clients(
        session.client("sagemaker", endpoint_url=endpoint_url, config=config),
        session.client("s3", endpoint_url=endpoint_url, config=config),
        session.region_name,
    )
