"""The command line of training: data and model; versions and endpoint have modules of their own."""

from pathlib import Path
from typing import Annotated

import typer

from dropscore.domain.spec import FeatureSpec
from training import cli_endpoint, cli_registry
from training.columns import split_names
from training.data import Request, TrainingData, read_training_data
from training.duration import in_words, microseconds
from training.errors import TrainingError
from training.metrics import BASELINES, DAY_BEFORE, ERRORS, FIT, lost_to, of_baseline, warning
from training.options import Endpoint, Folder, Image, Json, Region
from training.output import Output, lines_of
from training.remote import RemoteRequest, train_remotely
from training.run import TrainedModel
from training.run import train as train_here
from training.sensors import find_sensor
from training.split import Channels, Prepared, Split, split, write_prepared

app = typer.Typer(
    help="""Give Dropscore a model: from parquet files to an approved version that scores the next drop.

    \b
    python -m training prepare data/ --out build/model        features and target, split by time
    python -m training train build/model                      fit, measure, pack model.tar.gz
    python -m training register build/model --bucket MODELS   upload and register, waiting for approval
    python -m training show 1                                 metrics, origin, feature spec
    python -m training approve 1                              from now on drops are scored with version 1

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


@app.command()
def prepare(  # noqa: PLR0913, PLR0917 - an argument for each option
    data: Annotated[
        list[Path], typer.Argument(help="Parquet files of a sensor, or folders with such files.")
    ],
    out: Annotated[
        Path,
        typer.Option(help="The folder to write train/, test/, feature_spec.json and rejects.parquet to."),
    ],
    join: Annotated[
        list[Path] | None,
        typer.Option(
            help="Files of another sensor, or a folder of such; once for each sensor. Each row of the sensor"
            " that has the features gets the columns of the other's nearest row, on the same device."
        ),
    ] = None,
    tolerance: Annotated[
        str, typer.Option(help="How far apart rows of two sensors may lie, e.g. 60s, 5m, 250ms.")
    ] = "60s",
    device: Annotated[
        str | None,
        typer.Option(
            help='Columns or folders (name=value) that tell devices apart; "" for none: all are one device.'
            " By default device_id, and company_id where every file has it."
        ),
    ] = None,
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
    how: Annotated[
        Split,
        typer.Option(
            "--split",
            help="time: train on the first three quarters of the time, test on what came after, as in use."
            " random: a quarter of all rows, as the original work did; its test rows have neighbours that the"
            " model has seen.",
        ),
    ] = Split.TIME,
    max_rows: Annotated[
        int, typer.Option(help="Take a random sample above this many rows.", min=1)
    ] = 2_000_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same rows and the same split.")] = 0,
    *,
    as_json: Json = False,
) -> None:
    """Compute features and target, split them 75 to 25, and write the feature spec with its baseline."""
    output = Output(as_json)
    spec = FeatureSpec(split_names(features), target, timestamp or None, split_names(keys), timezone)
    if how is Split.TIME and spec.timestamp is None:
        raise TrainingError(
            "--split time needs a timestamp: name its column with --timestamp, or --split random"
        )
    request = Request(
        sensors=(find_sensor(data), *(find_sensor([path]) for path in join or [])),
        spec=spec,
        device=None if device is None else split_names(device),
        tolerance=microseconds(tolerance),
        timed=how is Split.TIME,
        max_rows=max_rows,
        seed=seed,
    )
    with output.progress("reading rows") as advance:
        read = read_training_data(request, advance)
    channels = split(read, how, seed)
    write_prepared(channels, out)
    _tell(output, channels, request, out)


def _tell(output: Output, channels: Channels, request: Request, out: Path) -> None:
    """Say what was prepared, and what was left out."""
    read = channels.data
    for skipped in read.skipped:
        output.say(f"left out {skipped.path}: {skipped.reason}")
    for partner in read.partners:
        facts = partner.report()
        output.say(
            f"joined within {in_words(request.tolerance)}: {read.source.name} has {partner.asked:,} rows,"
            f" {partner.missing:,} unmatched; {partner.name} has {facts['rows']:,} rows,"
            f" {facts['unmatched']:,} unmatched, {facts['duplicates']:,} duplicates,"
            f" {facts['without_timestamp_or_device']:,} without timestamp or device"
        )
        if partner.overlapping_devices:
            output.warn(
                f"{partner.overlapping_devices} devices have several files of {partner.name} at the same"
                " time: the nearest row of any was taken; join a folder with one sensor per device to choose"
            )
    for reason, count in read.rejects.reasons.most_common():
        output.say(f"left out {count:,} rows of {read.source.name}: {reason}")
    _tell_of_drops(output, read)
    output.say(
        f"{len(channels.train):,} rows to train on, {len(channels.test):,} to test"
        + (f" from {channels.begin_of_test:%Y-%m-%d %H:%M:%S} on" if request.timed else "")
        + f", of {len(read.used)} files, in {out}; next: python -m training train {out}"
    )
    output.finish(document(channels, out))


def _tell_of_drops(output: Output, read: TrainingData) -> None:
    """Say what a joined model means for the files that are going to be dropped."""
    given = {name for partner in read.partners for name in partner.table.column_names}
    if str(read.spec.target) in given:
        output.say(
            f"files of {read.source.name} can be scored; they lack {read.spec.target}, so their results have"
            " no actual values"
        )
    if apart := given.intersection(read.spec.features):
        output.warn(
            f"no file of {read.source.name} has {', '.join(sorted(apart))}: a file to be scored must have"
            " every feature, so join them before you drop them"
        )


def document(channels: Channels, out: Path) -> dict[str, object]:
    """What `prepare` did, as JSON has it."""
    read = channels.data
    begin = channels.begin_of_test
    return {
        "folder": str(out),
        "source": read.source.name,
        "rows_train": len(channels.train),
        "rows_test": len(channels.test),
        "begin_of_test": begin.isoformat() if begin else None,
        "files_used": [str(footer.path) for footer in read.used],
        "files_skipped": [{"file": str(one.path), "reason": one.reason} for one in read.skipped],
        "rows_rejected": read.rejects.rows,
        "reasons": dict(read.rejects.reasons),
        "joined": [partner.report() for partner in read.partners],
        "next": f"python -m training train {out}",
    }


@app.command()
def train(  # noqa: PLR0913 - an argument for each option
    folder: Folder,
    *,
    where: Annotated[
        str, typer.Option(help="local: in a process here, with the container's libraries; or sagemaker.")
    ] = "local",
    bucket: Annotated[
        str | None,
        typer.Option(help="sagemaker: for the channels and the model; not ModelsBucket, it is write-once."),
    ] = None,
    role: Annotated[str | None, typer.Option(help="sagemaker: ARN of the training job's role.")] = None,
    instance_type: Annotated[str, typer.Option(help="sagemaker: of the one instance.")] = "ml.m5.large",
    spot: Annotated[
        bool, typer.Option("--spot", help="sagemaker: spare capacity, cheaper, may wait.")
    ] = False,
    max_run_minutes: Annotated[int, typer.Option(help="sagemaker: then the job is stopped.", min=1)] = 60,
    max_wait_minutes: Annotated[
        int, typer.Option(help="sagemaker, with --spot: for capacity and run together.", min=1)
    ] = 120,
    image: Image = None,
    endpoint_url: Endpoint = None,
    region: Region = None,
    as_json: Json = False,
) -> None:
    """Fit the model as the scikit-learn container does, measure it beside two baselines, pack it."""
    output = Output(as_json)
    if where == "local":
        model = train_here(Prepared(folder))
    elif where == "sagemaker":
        wait = max_wait_minutes if spot else None
        request = RemoteRequest(bucket or "", role or "", instance_type, max_run_minutes, wait, image)
        model = train_remotely(Prepared(folder), request, endpoint_url, region)
    else:
        raise typer.BadParameter(f"{where!r} is neither local nor sagemaker", param_hint="--where")
    _tell_of_model(output, model, folder)


def _tell_of_model(output: Output, model: TrainedModel, folder: Path) -> None:
    """Say how well a model does, beside what needs no model; loudly where that does better."""
    metrics = model.metrics
    target = str(Prepared(folder).read_spec().target)
    rows: list[tuple[str, ...]] = [("", "model", *BASELINES)]
    for name in (*ERRORS, FIT):
        others = (metrics.get(of_baseline(name, baseline)) for baseline in BASELINES)
        rows.append(
            (name, *("" if value is None else f"{value:.4g}" for value in (metrics.get(name), *others)))
        )
    for line in lines_of(rows):
        output.say(line)
    output.say(
        f"trained on {metrics['rows-of-training']:,.0f} rows, tested on {metrics['rows-of-test']:,.0f};"
        f" {DAY_BEFORE}: {BASELINES[DAY_BEFORE]}, over {metrics[f'rows-of-{DAY_BEFORE}']:,.0f} of these"
    )
    if loud := warning(metrics, target):
        output.warn(loud)
    output.say(f"{model.archive}; next: python -m training register {folder} --bucket MODELS")
    output.finish(
        {"archive": str(model.archive), "metrics": dict(metrics), "loses_to": list(lost_to(metrics))}
    )


cli_registry.add_to(app)
app.add_typer(cli_endpoint.app, name="endpoint")
