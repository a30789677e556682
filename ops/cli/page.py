"""The command `page`."""

from __future__ import annotations

from typing import Annotated

import typer
from botocore.session import Session

from ops.errors import NotSignedIn
from ops.page import PageProxy, until_interrupted
from ops.results_api import ResultsApi, region_of


def page(
    url: Annotated[str, typer.Option(help="The stack's output ResultsApiUrl.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Loopback port; 0 takes a free one.")] = 8765,
    region: Annotated[str | None, typer.Option(help="Of a URL that does not name it.")] = None,
) -> None:
    """Show the results page of a stack with ApiAuth=IAM in your browser, by signing its requests here.

    Whoever can open the address on this machine reads results as you.
    """
    session = Session()
    credentials = session.get_credentials()
    if credentials is None:
        raise NotSignedIn("no AWS credentials were found: sign in as for the AWS CLI, or set AWS_PROFILE")
    chosen = region_of(url, region or session.get_config_variable("region"))
    proxy = PageProxy(ResultsApi(url, credentials, chosen), port)
    with proxy.running() as address:
        typer.echo(f"Open {address} in a browser. Ctrl-C ends it.")
        until_interrupted()
