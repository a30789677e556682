"""The command `prepare`: from parquet files to a folder with both channels and the feature spec."""

from pathlib import Path
from typing import Annotated

import typer

from dropscore.domain.errors import quoted
from dropscore.domain.spec import FeatureSpec
from training.cli.options import Json, microseconds, split_names
from training.cli.output import Output
from training.data.prepared import write_prepared
from training.data.reading import Request, TrainingData, check_sizes, read_training_data
from training.data.split import Channels, Split, split
from training.errors import TrainingError
from training.sensors.files import find_sensor
from training.sensors.partner import in_words


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
    keys: Annotated[
        str, typer.Option(help="Columns or folders (name=value) that name a row to its reader.")
    ] = "device_id",
    timezone: Annotated[
        str | None,
        typer.Option(
            help="The zone whose clock shows the features of the timestamp, e.g. Europe/Berlin, UTC, +05:30."
            " Timestamps without a zone are then read as UTC. By default the one zone of the files."
        ),
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
    check_sizes(read)
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
    _tell_of_zone(output, read)
    output.say(
        f"{len(channels.train):,} rows to train on, {len(channels.test):,} to test"
        + (f" from {channels.begin_of_test:%Y-%m-%d %H:%M:%S} on" if request.timed else "")
        + f", of {len(read.used)} files, in {out}; next: python -m training train {out}"
    )
    output.finish(_document(channels, out))


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
            f"no file of {read.source.name} has {quoted(sorted(apart))}: a file to be scored must have"
            " every feature, so join them before you drop them"
        )


def _tell_of_zone(output: Output, read: TrainingData) -> None:
    """Say whose clock shows the features of time, and what was made of timestamps without a zone."""
    zone, derived = read.spec.timezone, ", ".join(read.spec.derived)
    if zone and derived:
        output.say(f"{derived}: as clocks show in zone {zone}, in training and in scoring")
    if read.read_as_utc:
        output.warn(
            f"{read.read_as_utc} of the files have timestamps without a zone: they were read as UTC, and so"
            " will be those of files to be scored"
        )


def _document(channels: Channels, out: Path) -> dict[str, object]:
    """What `prepare` did, as JSON has it."""
    read = channels.data
    begin = channels.begin_of_test
    return {
        "folder": str(out),
        "source": read.source.name,
        "rows_train": len(channels.train),
        "rows_test": len(channels.test),
        "timezone": read.spec.timezone,
        "begin_of_test": begin.isoformat() if begin else None,
        "files_used": [str(footer.path) for footer in read.used],
        "files_skipped": [{"file": str(one.path), "reason": one.reason} for one in read.skipped],
        "rows_rejected": read.rejects.rows,
        "reasons": dict(read.rejects.reasons),
        "joined": [partner.report() for partner in read.partners],
        "next": f"python -m training train {out}",
    }
