"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[
    bool, typer.Option("--json", help="For machines: one JSON document on stdout, and nothing else.")
]
Folder = Annotated[Path, typer.Argument(help="The folder that `prepare` wrote.")]
Group = Annotated[str, typer.Option(envvar="MODEL_PACKAGE_GROUP", help="The stack's ModelPackageGroupName.")]
Endpoint = Annotated[
    str | None,
    typer.Option(envvar="AWS_ENDPOINT_URL", help="Another AWS than the real one, e.g. the local stack's."),
]
Region = Annotated[str | None, typer.Option(envvar="AWS_REGION", help="By default the AWS CLI's.")]
Number = Annotated[int, typer.Argument(metavar="VERSION", help="The number that `list` shows.", min=1)]
Reason = Annotated[str, typer.Option(help="Kept with the decision.")]
Yes = Annotated[
    bool, typer.Option("--yes", help="Do not ask: approve it even if it is worse than the one it replaces.")
]
Image = Annotated[str | None, typer.Option(help="Image URI, for regions that training does not know.")]

DEFAULT_GROUP = "dropscore"
DEFAULT_REASON = "decided with python -m training"
