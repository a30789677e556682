"""Metrics as CloudWatch reads them in the log: the embedded metric format, a line a call."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from dropscore.aws.metrics import Metrics
from dropscore.domain.drop import DropState
from dropscore.domain.source import NoDrop
from tests.unit.builders import prepared_drop

DROP = prepared_drop(7)


@pytest.fixture
def metrics():
    return Metrics("Dropscore/test", "dropscore")


@pytest.fixture
def written(capsys):
    """What has been written, a line each: the values by name, once the frame around them is right."""

    def read():
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        for line in lines:
            (frame,) = line["_aws"]["CloudWatchMetrics"]
            assert (frame["Namespace"], frame["Dimensions"]) == ("Dropscore/test", [["service"]])
            assert line["service"] == "dropscore"
        return [
            {
                metric["Name"]: line[metric["Name"]]
                for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]
            }
            for line in lines
        ]

    return read


def ended(state, seconds=10, **counts):
    return replace(DROP, state=state, finished_at=DROP.arrived_at + timedelta(seconds=seconds), **counts)


def test_drops_that_ended_are_counted_by_state_with_their_rows_and_how_long_they_took(metrics, written):
    metrics.ended(
        [
            ended(DropState.SCORED, 10, rows_scored=5, rows_rejected=1),
            ended(DropState.SCORED, 20, rows_scored=7, rows_rejected=0),
            ended(DropState.REJECTED, 1, rows_scored=0, rows_rejected=3),
            ended(DropState.FAILED, rows_scored=0, rows_rejected=0),
        ]
    )
    (line,) = written()
    assert line == {
        "DropsScored": [1, 1],
        "DropsRejected": [1],
        "DropsFailed": [1],
        "RowsScored": [5, 7, 0, 0],
        "RowsRejected": [1, 0, 3, 0],
        "SecondsToScored": [10, 20],
    }


def test_of_very_many_drops_none_is_left_out(metrics, written):
    metrics.ended([ended(DropState.SCORED, rows_scored=1)] * 1000)
    lines = written()
    assert sum(len(line["DropsScored"]) for line in lines) == 1000
    assert max(len(line["DropsScored"]) for line in lines) <= 100  # EMF specification, "Target members"


def test_what_is_open_is_told_even_when_it_is_nothing(metrics, written):
    metrics.still_open({DropState.WAITING: 2}, 1, DROP.arrived_at, DROP.arrived_at + timedelta(hours=1))
    metrics.still_open({DropState.WAITING: 0}, 0, None, DROP.arrived_at)
    assert written() == [
        {"DropsWaiting": [2], "JobsOpen": [1], "OldestOpenSeconds": [3600]},
        {"DropsWaiting": [0], "JobsOpen": [0], "OldestOpenSeconds": [0]},
    ]


def test_objects_that_are_no_drops_are_counted_by_reason(metrics, written):
    metrics.skipped(NoDrop.HIDDEN)
    metrics.skipped(NoDrop.SUFFIX)
    assert written() == [{"ObjectsSkippedHidden": [1]}, {"ObjectsSkippedSuffix": [1]}]


def test_nothing_that_happened_is_no_line(metrics, written):
    metrics.ended([])
    metrics.arrived(0)
    metrics.skipped(NoDrop.FOLDER)
    assert written() == []
