"""docs/operations.md knows every state, alarm, metric, brake, reason and message that there is."""

from __future__ import annotations

import inspect
import re
import subprocess
from pathlib import Path

import pytest
from samcli.yamlhelper import yaml_parse

from dropscore.aws.metrics import Metrics
from dropscore.domain.drop import DropState
from dropscore.domain.job import JobState
from tests.docs.messages import Message, messages, plain
from tests.template.translated import translated

REPOSITORY = Path(__file__).parents[2]
MANUAL = (REPOSITORY / "docs" / "operations.md").read_text()
TEMPLATE = yaml_parse((REPOSITORY / "template.yaml").read_text())

NOT_IN_THE_MANUAL = {
    "Drop Scored": "a detail type for consumers; the README has it",
    "Drop Rejected": "as above",
    "Drop Failed": "as above",
    '{"dispatch": true}': "a message, which the manual shows as it looks in a queue",
    "#w = :w": "DynamoDB's language",
    "AND #due <= :due": "DynamoDB's language",
    "already existing model": "SageMaker's words, which we look for",
    "Could not find model": "SageMaker's words, which we look for",
    ", …": "a list that goes on",
    'attachment; filename="': "a header",
}
"""Texts in the functions' source that the manual need not explain, and why."""

PARAMETERS_OF_NO_CONCERN = {
    "CodeVersion": "set when the stack is deployed; recorded with results",
    "LocalEndpointUrl": "of the embedded AWS only",
}
"""Parameters that the operator has nothing to do with, and why."""

PROCEDURES = {
    "What became of a file": ("ops tail", "drop_id", "history", "ops status", "ended"),
    "Logs": ("drop_id", "transform_job", "model_version", "correlation_id", "operator_needed"),
    "Redrive a dead letter queue": ("InboxDlq", "CollectDlq", "UndeliveredDlq", "ops redrive"),
    "Files that Dropscore has not heard of": ("ops enqueue", "s3://"),
    "Before the first deployment": ("ops doctor", "not deployed yet"),
    "Score a drop again": ("ops rescore --key",),
    "Score a day again": ("ops rescore --day", "--version", "--before", "--metadata-directive REPLACE"),
    "Retry FAILED drops": ("ops retry --all", """sweep '{"retry": ["""),
    "Release a held version": ("ops release 1", "held"),
    "Roll a model back": ("training reject", "PREPARED", "SCORED"),
    "Change parameters": ("--use-previous-template", "JobPrefix"),
    "Stop spending": ("Paused=true", "MaxJobsPerDay="),
    "Stop a running job": ("stop-transform-job",),
    "Stop everything": ("disable-rule", "--no-enabled"),
    "Quotas": ("InstanceType", "MaxRunningJobs"),
    "Limits of the reader": ("FunctionMemoryMB", "MaxRowsPerDrop", "MaxBytesPerDrop", "MaxRejectedFraction"),
    "The customer key": ("KmsKeyArn", "cancel-key-deletion"),
    "Delete a person's data": (
        "DeleteMarkers",
        "features context",
        "transform/",
        "rejects/",
        "delete-item",
        "logs",
        "backups",
        "models",
    ),
    "Remove the stack": ("delete-stack", "--no-deletion-protection-enabled", "delete-model-package-group"),
    "The ledger is damaged": ("restore-table-to-point-in-time", "update-time-to-live"),
    "A bucket was emptied": ("DeleteMarkers", "WorkBucket"),
}
"""What has to be possible with the manual, and what the section about it cannot do without."""

WORD = re.compile(r"[A-Za-z']{2,}")


def code_spans(markdown: str) -> str:
    """What is set as code in the running text and the tables, fenced blocks left out; a line for each."""
    unfenced = re.sub(r"^```.*?^```", "", markdown, flags=re.DOTALL | re.MULTILINE)
    return "\n".join(plain(code) for _, code in re.findall(r"(`+)(.+?)\1(?!`)", unfenced, re.DOTALL))


def told(message: Message) -> list[str]:
    """What the manual has to quote of a message: all constant pieces that say something, else the longest."""
    return [piece for piece in message.pieces if len(WORD.findall(piece)) > 1] or [message.fragment]


def section(title: str) -> str:
    """A section of the manual, with those below it."""
    found = re.search(
        rf"^(#+) {re.escape(title)}\n(.*?)(?=^\1 |\Z)", unheaded(MANUAL), re.DOTALL | re.MULTILINE
    )
    assert found, f"operations.md has no section {title!r}"
    return found[2]


def unheaded(markdown: str) -> str:
    """Comments of shell blocks look like headings: they are blanked out."""
    lines = re.MULTILINE
    return re.sub(
        r"^```.*?^```",
        lambda block: re.sub(r"^#", " ", block[0], flags=lines),
        markdown,
        flags=re.DOTALL | lines,
    )


@pytest.mark.parametrize("message", messages(), ids=lambda message: message.place)
def test_every_message_of_the_functions_is_explained(message: Message) -> None:
    quoted = code_spans(section("Reasons and messages"))
    missing = [piece for piece in told(message) if piece not in quoted and piece not in NOT_IN_THE_MANUAL]
    assert not missing, f"{message.place} says {missing}: explain it in docs/operations.md"


def test_exceptions_are_texts_that_there_are() -> None:
    pieces = {piece for message in messages() for piece in message.pieces}
    assert set(NOT_IN_THE_MANUAL) <= pieces
    assert set(PARAMETERS_OF_NO_CONCERN) <= set(TEMPLATE["Parameters"])


@pytest.mark.parametrize("state", [*DropState, *JobState])
def test_every_state_of_drops_and_jobs_has_its_line(state: str) -> None:
    assert re.search(rf"^\| `{state}` \|", section("States"), re.MULTILINE)


def test_every_alarm_has_its_line_and_every_line_its_alarm() -> None:
    alarms = {
        name for name, found in TEMPLATE["Resources"].items() if found["Type"] == "AWS::CloudWatch::Alarm"
    }
    assert alarms >= set(translated().of_type("AWS::CloudWatch::Alarm"))
    assert set(re.findall(r"^\| `(\w+Alarm)` \|", section("Alarms"), re.MULTILINE)) == alarms


def test_every_metric_has_its_line_and_every_line_its_metric() -> None:
    source = Path(inspect.getfile(Metrics)).read_text()
    written = set(re.findall(r'"((?:Drops|Rows|Jobs|Seconds|Oldest)[A-Za-z]+)"', source))
    counted = {
        transformation["MetricName"]
        for found in translated(true=("HasRealtimeEndpoint",)).of_type("AWS::Logs::MetricFilter").values()
        for transformation in found["Properties"]["MetricTransformations"]
    }
    lines = re.findall(
        r"^\| ((?:`\w+`(?:, )?)+) \| (?:Count|Seconds) \|", section("Metrics and dashboard"), re.MULTILINE
    )
    assert {name for line in lines for name in re.findall(r"\w+", line)} == written | counted


@pytest.mark.parametrize("name", sorted(set(TEMPLATE["Parameters"]) - set(PARAMETERS_OF_NO_CONCERN)))
def test_every_parameter_is_known(name: str) -> None:
    assert f"`{name}" in MANUAL or f" {name}=" in MANUAL


@pytest.mark.parametrize("brake", ["Paused", "MaxRunningJobs", "MaxJobsPerDay", "MaxJobHours"])
def test_every_brake_is_where_money_is(brake: str) -> None:
    assert f"change {brake}=" in section("Stop spending")


def test_what_the_commands_ask_the_stack_for_is_there() -> None:
    outputs = set(re.findall(r"\$\(output (\w+)\)", MANUAL))
    resources = set(re.findall(r"\$\(resource (\w+)\)", MANUAL))
    assert outputs
    assert outputs <= set(TEMPLATE["Outputs"])
    assert resources
    assert resources <= set(translated().template["Resources"])


@pytest.mark.parametrize("title", PROCEDURES)
def test_every_procedure_has_its_section(title: str) -> None:
    found = section(title)
    assert [part for part in PROCEDURES[title] if part not in found] == []


@pytest.mark.parametrize("block", re.findall(r"^```bash\n(.*?)^```", MANUAL, re.DOTALL | re.MULTILINE))
def test_the_shell_can_read_every_block(block: str) -> None:
    read = subprocess.run(["bash", "-n"], input=block, text=True, capture_output=True, check=False)  # noqa: S607
    assert read.returncode == 0, read.stderr


@pytest.mark.parametrize(
    "document", ["README.md", *sorted(f"docs/{p.name}" for p in REPOSITORY.glob("docs/*.md"))]
)
def test_links_lead_somewhere(document: str) -> None:
    text = (REPOSITORY / document).read_text()
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
        path, _, anchor = target.partition("#")
        found = (REPOSITORY / document).parent / path if path else REPOSITORY / document
        assert found.exists(), f"{document} links to {target}"
        assert not anchor or anchor in anchors(found.read_text()), f"{document} links to {target}"


def anchors(markdown: str) -> set[str]:
    """What GitHub calls the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", unheaded(markdown), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
