"""All commands of `python -m ops`."""

import typer

from ops.cli.doctor import doctor
from ops.cli.enqueue import enqueue
from ops.cli.failed import release, retry
from ops.cli.page import page
from ops.cli.redrive import redrive
from ops.cli.rescore import rescore
from ops.cli.smoke import smoke
from ops.cli.status import status
from ops.cli.tail import tail

app = typer.Typer(
    help="""What a person does with a stack that runs, or is about to.

    \b
    python -m ops doctor                          what is missing or wrong, before the first deploy and after
    python -m ops status                          drops and jobs by state, what waits for what, the queues
    python -m ops tail data/a.parquet             one drop through its states, with its log lines
    python -m ops enqueue s3://INBOX/data/        files that Dropscore has not heard of
    python -m ops retry --all                     FAILED drops once more
    python -m ops release                         which model versions are held; `release 3` lets one score
    python -m ops redrive                         dead letters back to their queues
    python -m ops rescore --day 2026-11-22        files scored again, by the version approved now
    python -m ops page --url URL                  the results page, signed for
    python -m ops smoke                           a first day on a deployed stack, item by item

    Credentials and region are the AWS CLI's own. The stack is the one that samconfig.toml names (dropscore),
    or --stack-name; --local is the one of `make local`. --json is for machines. docs/operations.md explains
    all of it, docs/permissions.md what an operator has to be allowed.""",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

for name, command in (
    ("doctor", doctor),
    ("status", status),
    ("tail", tail),
    ("enqueue", enqueue),
    ("retry", retry),
    ("release", release),
    ("redrive", redrive),
    ("rescore", rescore),
    ("page", page),
    ("smoke", smoke),
):
    app.command(name)(command)
