"""The model's artifact, unpacked."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from local.sagemaker.instance.errors import ClientFault
from local.sagemaker.instance.location import parse_location

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def fetch_model(s3: S3Client, artifact: str, folder: Path) -> Path:
    """Download ``model.tar.gz`` and unpack it where the container finds it as ``/opt/ml/model``.

    Raises
    ------
    ClientFault
        When it is not a gzipped tar archive, or one that writes outside its folder.
    """
    location = parse_location(artifact)
    packed, unpacked = folder / "model.tar.gz", folder / "model"
    unpacked.mkdir()
    with packed.open("wb") as target:
        s3.download_fileobj(location.bucket, location.key, target)
    try:
        with tarfile.open(packed, "r:gz") as archive:
            archive.extractall(unpacked, filter="data")
    except (tarfile.TarError, OSError, EOFError) as problem:
        raise ClientFault(f"Failed to extract model data from {artifact}: {problem}") from problem
    packed.unlink()
    return unpacked
