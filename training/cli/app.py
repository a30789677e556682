"""All commands: data and model, versions, endpoint."""

import typer

from training.cli import endpoint, versions
from training.cli.prepare import prepare
from training.cli.train import train

app = typer.Typer(
    help="""Give Dropscore a model: from parquet files to an approved version that scores the next drop.

    \b
    python -m training prepare data/ --out build/model        features and target, split by time
    python -m training train build/model                      fit, measure, pack model.tar.gz
    python -m training register build/model --bucket MODELS   upload and register, waiting for approval
    python -m training show 1                                 metrics, origin, feature spec
    python -m training approve 1                              from now on drops are scored with version 1
    python -m training endpoint --help                        predictions in real time, with that version

    Features and target in files of different sensors are joined:

    \b
    python -m training prepare data/snmptraffic --join data/snmpcpu --out build/cpu-from-traffic \\
        --features "snmptraffic_traffic_in_speed minutes hour day_of_week" --target snmpcpu_total

    MODELS is the stack's output ModelsBucketName. Credentials and region are the AWS CLI's own. For the
    local stack (`make local`) set AWS_ENDPOINT_URL, or pass --endpoint-url, and use the access key that it
    prints. docs/training.md walks through all of it.""",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

for name, command in (
    ("prepare", prepare),
    ("train", train),
    ("register", versions.register),
    ("approve", versions.approve),
    ("reject", versions.reject),
    ("list", versions.list_versions),
    ("show", versions.show),
):
    app.command(name)(command)
app.add_typer(endpoint.app, name="endpoint")
