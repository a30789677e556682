"""The command line of training: prepare, train, register, approve, reject, list."""

from pathlib import Path
from typing import Annotated

import boto3
import typer
from botocore.config import Config
from rich.console import Console

from dropscore.domain.spec import FeatureSpec
from training.columns import split_names
from training.data import read_training_data
from training.errors import TrainingError
from training.registry import Registry
from training.run import train as train_prepared
from training.split import Prepared, write_prepared

app = typer.Typer(
    help="""Give Dropscore a model: from parquet files to an approved version that scores the next drop.

    \b
    python -m training prepare data/ --out build/model        features and target, split 75 to 25
    python -m training train build/model                      fit, measure, pack model.tar.gz
    python -m training register build/model --bucket MODELS   upload and register, waiting for approval
    python -m training approve 1                              from now on drops are scored with version 1

    MODELS is the stack's output ModelsBucketName. Credentials and region are the AWS CLI's own. For the
    local stack (`make local`) set AWS_ENDPOINT_URL, or pass --endpoint-url, and use the access key that it
    prints.""",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
console = Console(highlight=False)

Folder = Annotated[Path, typer.Argument(help="The folder that `prepare` wrote.")]
Group = Annotated[str, typer.Option(envvar="MODEL_PACKAGE_GROUP", help="The stack's ModelPackageGroupName.")]
Endpoint = Annotated[
    str | None,
    typer.Option(envvar="AWS_ENDPOINT_URL", help="Another AWS than the real one, e.g. the local stack's."),
]
Region = Annotated[str | None, typer.Option(envvar="AWS_REGION", help="By default the AWS CLI's.")]
Number = Annotated[int, typer.Argument(metavar="VERSION", help="The number that `list` shows.", min=1)]
Reason = Annotated[str, typer.Option(help="Kept with the decision.")]


def _registry(group: str, endpoint_url: str | None, region: str | None) -> Registry:
    """The registry of a group, by clients with bounded patience."""
    session = boto3.Session(region_name=region)
    if session.region_name is None:
        raise TrainingError("no AWS region is set: pass --region, or set AWS_REGION")
    config = Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 5})
    return Registry(
        session.client("sagemaker", endpoint_url=endpoint_url, config=config),
        session.client("s3", endpoint_url=endpoint_url, config=config),
        group,
    )


@app.command()
def prepare(  # noqa: PLR0913, PLR0917 - an argument for each option
    data: Annotated[list[Path], typer.Argument(help="Parquet files, or folders with such files.")],
    out: Annotated[Path, typer.Option(help="The folder to write train/, test/ and feature_spec.json to.")],
    features: Annotated[
        str,
        typer.Option(
            help="In order. From the timestamp: minutes, hour, day_of_week (Monday = 0), day, month,"
            " is_weekend; any other name is a column. Names with blanks: separate by commas."
        ),
    ] = "minutes hour day_of_week",
    target: Annotated[str, typer.Option(help="The column to predict.")] = "snmpcpu_processor_1",
    timestamp: Annotated[str, typer.Option(help="The timestamp column; empty: none.")] = "ts",
    keys: Annotated[str, typer.Option(help="Columns that name a row to its reader.")] = "device_id",
    timezone: Annotated[
        str | None, typer.Option(help="IANA zone of the derived features; by default the column's own.")
    ] = None,
    max_rows: Annotated[
        int, typer.Option(help="Take a random sample above this many rows.", min=1)
    ] = 2_000_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same rows and the same split.")] = 0,
) -> None:
    """Compute features and target, split them 75 to 25, and write the feature spec with its baseline."""
    spec = FeatureSpec(split_names(features), target, timestamp or None, split_names(keys), timezone)
    read = read_training_data(_parquet_files(data), spec, max_rows, seed)
    for skipped in read.skipped:
        console.print(f"left out {skipped.path}: {skipped.reason}", soft_wrap=True)
    write_prepared(read, out, seed)
    console.print(
        f"{len(read.rows):,} rows of {len(read.used)} files in {out}; next: python -m training train {out}"
    )


def _parquet_files(paths: list[Path]) -> list[Path]:
    """The files given, and those in the folders given that end in .parquet, in any case; sorted by name."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(
                entry for entry in path.rglob("*") if entry.suffix.lower() == ".parquet" and entry.is_file()
            )
        elif path.is_file():
            found.append(path)
        else:
            raise TrainingError(f"{path} does not exist: give parquet files, or folders with such files")
    if not found:
        raise TrainingError(f"no .parquet file in {', '.join(map(str, paths))}: give a folder that has some")
    return found


@app.command()
def train(folder: Folder) -> None:
    """Fit the model in a process of its own, as the scikit-learn container would, and pack model.tar.gz."""
    model = train_prepared(Prepared(folder))
    for name, value in model.metrics.items():
        console.print(f"{name}: {value}")
    console.print(f"{model.archive}; next: python -m training register {folder} --bucket MODELS")


@app.command()
def register(  # noqa: PLR0913 - an argument for each option
    folder: Folder,
    bucket: Annotated[str, typer.Option(envvar="MODELS_BUCKET", help="The stack's ModelsBucketName.")],
    *,
    group: Group = "dropscore",
    approve: Annotated[bool, typer.Option("--approve", help="Approve it at once.")] = False,
    image: Annotated[
        str | None, typer.Option(help="Image URI, for regions that training does not know.")
    ] = None,
    endpoint_url: Endpoint = None,
    region: Region = None,
) -> None:
    """Upload model.tar.gz and feature_spec.json and register them as a new version of the group."""
    registry = _registry(group, endpoint_url, region)
    prepared = Prepared(folder)
    version = registry.register(
        folder / "model.tar.gz",
        prepared.spec,
        bucket,
        status="Approved" if approve else "PendingManualApproval",
        image=image,
    )
    console.print(f"version {version.number} of {group}: {version.status}\n{version.arn}", soft_wrap=True)


@app.command()
def approve(
    version: Number,
    group: Group = "dropscore",
    reason: Reason = "decided with python -m training",
    endpoint_url: Endpoint = None,
    region: Region = None,
) -> None:
    """Approve a version: the newest approved one scores every drop from then on."""
    decided = _registry(group, endpoint_url, region).decide(version, "Approved", reason)
    console.print(f"version {decided.number} of {group}: {decided.status}")


@app.command()
def reject(
    version: Number,
    group: Group = "dropscore",
    reason: Reason = "decided with python -m training",
    endpoint_url: Endpoint = None,
    region: Region = None,
) -> None:
    """Reject a version: the approved one before it, if any, is back from the next drop on."""
    decided = _registry(group, endpoint_url, region).decide(version, "Rejected", reason)
    console.print(f"version {decided.number} of {group}: {decided.status}")


@app.command("list")
def list_versions(group: Group = "dropscore", endpoint_url: Endpoint = None, region: Region = None) -> None:
    """Show the versions of the group, the newest first; the topmost approved one scores."""
    versions = _registry(group, endpoint_url, region).versions()
    for version in versions:
        created = f"{version.created:%Y-%m-%d %H:%M:%S}" if version.created else ""
        words = f"{version.number:>5}  {version.status:21}  {created:19}  {version.arn}"
        console.print(words, soft_wrap=True)
    if not versions:
        console.print(f"group {group} has no version yet: register one")
