"""`make test-api`: a campaign against a stack of its own, with as many cases as one likes."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from local.stack import LocalStack
from tests.openapi.campaign import Outcome, run
from tests.openapi.reading import reality_of, signed
from tests.openapi.seeds import PARAMETERS, fill

EXAMPLES = 150
"""Cases of each operation in each phase of a round."""


def main(
    cases: Annotated[int, typer.Option(min=1, help="Rounds go on until there were so many.")],
    seed: Annotated[int, typer.Option(help="Of the first round; each takes the next.")],
) -> None:
    """Fill the embedded stack with drops of all kinds, and let schemathesis loose on its results API."""
    total = Outcome()
    with LocalStack(PARAMETERS) as stack:
        typer.echo("filling the stack")
        reality = reality_of(stack, fill(stack))
        while total.cases < cases and not total.bad:
            typer.echo(f"seed {seed}")
            total.add(run(reality, signed(stack), seed, EXAMPLES, typer.echo))
            seed += 1
    typer.echo(total.table())
    for said in total.bad:
        typer.echo(f"\n{said}", err=True)
    typer.echo(f"{total.cases} cases in {total.seconds:.0f} s, {len(total.bad)} failures")
    sys.exit(bool(total.bad))


if __name__ == "__main__":
    typer.run(main)
