"""The command `train`: from a prepared folder to a packed model, here or on SageMaker."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from training.cli.options import Endpoint, Folder, Image, Json, Region
from training.cli.output import Output, waiting
from training.data.prepared import Prepared
from training.model.local import train as train_here
from training.model.metrics import BASELINES, DAY_BEFORE, beside_baselines, lost_to, warning
from training.model.remote import RemoteRequest, train_remotely
from training.model.run import TrainedModel


class Where(StrEnum):
    """Where train.py runs."""

    LOCAL = "local"
    SAGEMAKER = "sagemaker"


def train(  # noqa: PLR0913 - an argument for each option
    folder: Folder,
    *,
    where: Annotated[
        Where, typer.Option(help="local: in a process here, with the container's libraries; or sagemaker.")
    ] = Where.LOCAL,
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
    if where is Where.LOCAL:
        model = train_here(Prepared(folder))
    else:
        wait = max_wait_minutes if spot else None
        request = RemoteRequest(bucket or "", role or "", instance_type, max_run_minutes, wait, image)
        with waiting() as report:
            model = train_remotely(Prepared(folder), request, endpoint_url, region, report)
    _tell_of_model(output, model, folder)


def _tell_of_model(output: Output, model: TrainedModel, folder: Path) -> None:
    """Say how well a model does, beside what needs no model; loudly where that does better."""
    metrics = model.metrics
    target = str(Prepared(folder).read_spec().target)
    output.table(beside_baselines(metrics))
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
