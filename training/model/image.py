"""SageMaker's scikit-learn image 1.9-0: its libraries and where each region keeps it."""

from collections.abc import Mapping

from dropscore.domain.model import SERVING_ENVIRONMENT
from training.errors import TrainingError

TAG = "1.9-0-cpu-py3"
LIBRARIES: Mapping[str, str] = {"python": "3.12", "sklearn": "1.9.0", "numpy": "2.5.1"}
"""What the image brings (facts gathered by running it); a model is trained with exactly these."""

CONTAINER_ENVIRONMENT: Mapping[str, str] = {
    "SAGEMAKER_PROGRAM": "inference.py",
    "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
    **SERVING_ENVIRONMENT,
}
"""Without the first the container finds no code, /ping answers 500 and jobs hang for up to half an hour."""

# aws/sagemaker-python-sdk, sagemaker-core/src/sagemaker/core/image_uri_config/sklearn.json
_ACCOUNTS: Mapping[str, str] = {
    "af-south-1": "510948584623",
    "ap-east-1": "651117190479",
    "ap-northeast-1": "354813040037",
    "ap-northeast-2": "366743142698",
    "ap-northeast-3": "867004704886",
    "ap-south-1": "720646828776",
    "ap-south-2": "628508329040",
    "ap-southeast-1": "121021644041",
    "ap-southeast-2": "783357654285",
    "ap-southeast-3": "951798379941",
    "ap-southeast-4": "106583098589",
    "ca-central-1": "341280168497",
    "ca-west-1": "190319476487",
    "eu-central-1": "492215442770",
    "eu-central-2": "680994064768",
    "eu-north-1": "662702820516",
    "eu-south-1": "978288397137",
    "eu-south-2": "104374241257",
    "eu-west-1": "141502667606",
    "eu-west-2": "764974769150",
    "eu-west-3": "659782779980",
    "il-central-1": "898809789911",
    "me-central-1": "272398656194",
    "me-south-1": "801668240914",
    "sa-east-1": "737474898029",
    "us-east-1": "683313688378",
    "us-east-2": "257758044811",
    "us-west-1": "746614075791",
    "us-west-2": "246618743249",
}


def image_uri(region: str) -> str:
    """Name the image of a region of the commercial partition.

    Parameters
    ----------
    region
        AWS region, e.g. ``eu-central-1``.

    Returns
    -------
    str
        The URI of the image in that region's registry.

    Raises
    ------
    TrainingError
        When the region is not in the table.
    """
    if region not in _ACCOUNTS:
        raise TrainingError(
            f"no scikit-learn image is known for region {region!r}: pass its URI with --image"
            f" (known regions: {', '.join(sorted(_ACCOUNTS))})"
        )
    return f"{_ACCOUNTS[region]}.dkr.ecr.{region}.amazonaws.com/sagemaker-scikit-learn:{TAG}"
