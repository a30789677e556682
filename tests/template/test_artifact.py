"""What `make build` leaves behind is what Lambda accepts."""

import pytest
from samcli.yamlhelper import yaml_parse

from tests.template.translated import REPOSITORY

BUILD = REPOSITORY / ".aws-sam" / "build"
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: unzipped, layers included
LIMIT = 262_144_000


@pytest.mark.flow
@pytest.mark.parametrize(
    "name", ["PrepareFunction", "CollectFunction", "SweepFunction", "ResultsApiFunction", "PredictFunction"]
)
def test_the_artifact_fits_into_lambda_and_holds_the_handler(name):
    built = yaml_parse((BUILD / "template.yaml").read_text())["Resources"][name]["Properties"]
    folder = BUILD / built["CodeUri"]
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert sum(path.stat().st_size for path in files) < LIMIT
    module = built["Handler"].rpartition(".")[0]
    assert folder.joinpath(*module.split(".")).with_suffix(".py").is_file()
