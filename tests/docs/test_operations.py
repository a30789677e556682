"""docs/operations.md knows every state, alarm, metric and brake, and quotes messages that there are."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
from pathlib import Path

import pytest
from samcli.yamlhelper import yaml_parse

from dropscore.aws.metrics import Metrics
from dropscore.domain.drop import DropState
from dropscore.domain.job import JobState
from tests.template.translated import translated

REPOSITORY = Path(__file__).parents[2]
MANUAL = (REPOSITORY / "docs" / "operations.md").read_text()
FUNCTIONS = REPOSITORY / "functions" / "dropscore"
TEMPLATE = yaml_parse((REPOSITORY / "template.yaml").read_text())

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
    "Objects that are no drops": ("hidden", "suffix", "InboxSuffixes=*"),
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


def plain(text: str) -> str:
    """Without code marks, and one blank where there is any white space."""
    return " ".join(text.replace("`", "").split())


def said() -> str:
    """Every string in the functions' source, and every constant piece of an f-string; a line for each."""
    nodes = (node for path in FUNCTIONS.rglob("*.py") for node in ast.walk(ast.parse(path.read_text())))
    return "\n".join(
        plain(node.value) for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def quoted() -> list[str]:
    """Pieces of two words or more of the messages that the section quotes: its tables' first columns."""
    cells = re.findall(r"^\| (.+?) \|", section("Reasons and messages"), re.MULTILINE)
    spans = [plain(code) for cell in cells for _, code in re.findall(r"(`+)(.+?)\1(?!`)", cell)]
    return [piece for span in spans for piece in map(str.strip, span.split("…")) if " " in piece]


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


def test_quoted_messages_are_those_of_the_functions() -> None:
    known = said()
    assert quoted()
    assert [piece for piece in quoted() if piece not in known] == []


def test_parameters_of_no_concern_are_in_the_template() -> None:
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
    written = set(re.findall(r'"((?:Drops|Objects|Rows|Jobs|Seconds|Oldest)[A-Za-z]+)"', source))
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
