"""The command `doctor`."""

from __future__ import annotations

from dataclasses import asdict

import typer

from ops.cli.options import Endpoint, Json, Local, Region, StackName
from ops.cli.output import many
from ops.connection import connect
from ops.doctor.examine import examine
from ops.doctor.finding import Finding, Level
from training.cli.output import Output


def doctor(
    *,
    stack_name: StackName = None,
    region: Region = None,
    endpoint_url: Endpoint = None,
    local: Local = False,
    as_json: Json = False,
) -> None:
    """What is missing or wrong, before the stack is deployed and after. Only reads; up to a minute.

    Each line is ok, warning or problem, with what to do next. The exit code is 1 when there is a problem.
    """
    output, connection = Output(as_json), connect(stack_name, region, endpoint_url, local=local)
    findings: list[Finding] = []
    for finding in examine(connection):
        findings.append(finding)
        output.say(f"{finding.level.value:8} {finding.about}: {finding.found}")
        if finding.next:
            output.say(f"{'':8} → {finding.next}")
    problems = sum(finding.level is Level.PROBLEM for finding in findings)
    warnings = sum(finding.level is Level.WARNING for finding in findings)
    output.say(
        f"\n{many(problems, 'problem')}, {many(warnings, 'warning')}, {len(findings)} things looked at"
    )
    output.finish(
        {
            "stack": connection.stack_name,
            "region": connection.region,
            "problems": problems,
            "warnings_found": warnings,
            "findings": [asdict(finding) for finding in findings],
        }
    )
    raise typer.Exit(1 if problems else 0)
