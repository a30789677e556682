"""A drop: its state and history, counts, errors, rejects, lineage, download, and the job that scored it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.page.api import Api, problem
from tests.page.builders import PACKAGE, drop, drop_id, job, month
from tests.page.reading import Reader


def section(page: Page, name: str) -> str:
    """The text of the part of the page under a heading."""
    return page.locator("section", has=page.get_by_role("heading", name=name, exact=True)).inner_text()


def test_a_scored_drop_tells_its_counts_errors_history_and_lineage(api: Api, reader: Reader) -> None:
    detail = drop(1, rows=240, rows_rejected=2)
    rejected = [{"row": row, "column": "ts", "reason": "null"} for row in (7, 9)]
    page = reader.open(f"#drop={api.add(detail, month(238), rejected)}")

    expect(page.get_by_role("heading", level=1)).to_have_text(detail["source_key"])
    assert page.title() == f"{detail['source_key']}: SCORED · Dropscore"
    facts = page.locator(".facts div").all_inner_texts()
    assert [" ".join(fact.split()) for fact in facts] == [
        "Rows in 240", "Rows scored 238", "Rows rejected 2", "Mean error 0.7163", "Median error 0.6071",
        "95 % of errors up to 1.742", "Root mean square 1.021",
    ]  # fmt: skip
    history = section(page, "What happened")
    assert re.findall("[A-Z]{4,}", history) == ["PREPARING", "PREPARED", "SCORING", "SCORED"]
    assert "2024-07-01 06:07:02 UTC after 2.3 s" in history
    lineage, known = section(page, "Lineage"), detail["lineage"]
    for value in (
        PACKAGE,
        *(known[name] for name in ("feature_spec_sha256", "transform_job", "code_version", "result_uri")),
        *(detail[name] for name in ("source_bucket", "source_version", "source_key", "drop_id")),
    ):
        assert value in lineage


@pytest.mark.parametrize("state", ["REJECTED", "FAILED", "WAITING"])
def test_a_drop_without_a_result_says_why(api: Api, reader: Reader, state: str) -> None:
    page = reader.open(f"#drop={api.add(drop(1, state, reason='the very reason'))}")

    expect(page.locator("main > div > p").first).to_have_text(f"{state} the very reason")
    expect(page.get_by_role("heading", name="Predictions")).to_have_count(0)
    assert api.asked_for(f"drops/{drop_id(1)}/predictions") == []


def test_a_drop_rejected_as_a_whole_points_at_its_reason(api: Api, reader: Reader) -> None:
    detail = drop(1, "REJECTED", rows_in=None, rows_scored=None, reason="the file ends within a page")
    page = reader.open(f"#drop={api.add(detail | {'rows_rejected': None})}")

    expect(page.get_by_text("No single row was rejected")).to_be_visible()


def test_an_open_drop_shows_its_predictions_once_it_is_scored(api: Api, reader: Reader) -> None:
    api.add(drop(1, "SCORING"))
    page = reader.open(f"#drop={drop_id(1)}")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()

    api.drops.clear()
    api.add(drop(1, rows=30), month(30))
    page.get_by_role("button", name="Refresh").click()

    expect(page.locator(".chart svg")).to_be_visible()
    assert "SCORED" in page.title()
    expect(page.get_by_role("button", name="Pause")).to_be_hidden()


def test_an_unchanged_drop_is_not_drawn_again(api: Api, reader: Reader) -> None:
    page = reader.open(f"#drop={api.add(drop(1, rows=30), month(30))}")
    expect(page.locator(".chart svg")).to_be_visible()

    with page.expect_response(re.compile(f"drops/{drop_id(1)}$")):
        page.get_by_role("button", name="Refresh").click()

    expect(page.locator(".chart svg")).to_be_visible()
    assert len(api.asked_for(f"drops/{drop_id(1)}/predictions")) == 1


def test_rejects_are_counted_by_reason_and_turned_page_by_page(api: Api, reader: Reader) -> None:
    reasons = {0: ("ts", "null"), 1: ("device_id", "not a number"), 2: ("ts", "null")}
    rejects = [
        dict(zip(("row", "column", "reason"), (row, *reasons[row % 3]), strict=True)) for row in range(240)
    ]
    page = reader.open(f"#drop={api.add(drop(1, rows=300, rows_rejected=240), month(60), rejects)}")
    part = page.locator("section", has=page.get_by_role("heading", name="Rejected rows", exact=True))

    expect(part.locator("table")).to_have_count(2)
    counted = part.locator("table").first.locator("tbody tr").all_inner_texts()
    assert [" ".join(row.split()) for row in counted] == ["160 ts null", "80 device_id not a number"]
    rows = part.locator("table").last.locator("tbody tr")
    expect(rows).to_have_count(100)
    part.get_by_role("button", name="Next").click()
    expect(rows.first).to_contain_text("100")
    part.get_by_role("button", name="Next").click()
    expect(rows).to_have_count(40)
    expect(part.get_by_role("button", name="Next")).to_be_disabled()
    part.get_by_role("button", name="Previous").click()
    expect(rows.first).to_contain_text("100")


def test_many_rejects_are_read_as_far_as_they_are_looked_at(api: Api, reader: Reader) -> None:
    rejects = [{"row": row, "column": None, "reason": f"reason {row % 30}"} for row in range(2_500)]
    page = reader.open(f"#drop={api.add(drop(1, rows=2_600, rows_rejected=2_500), month(100), rejects)}")

    expect(
        page.get_by_text("the 20 most frequent of 30 reasons, counted over the first 1,000 of 2,500")
    ).to_be_visible()
    assert len(api.asked_for(f"drops/{drop_id(1)}/rejects")) == 1


def test_no_rejects_need_no_request(api: Api, reader: Reader) -> None:
    page = reader.open(f"#drop={api.add(drop(1, rows=30), month(30))}")

    expect(page.get_by_text("No row was rejected.")).to_be_visible()
    assert api.asked_for(f"drops/{drop_id(1)}/rejects") == []


@pytest.mark.parametrize("auth", ["IAM", "JWT"])
def test_a_download_goes_to_the_presigned_address_without_the_token(
    api: Api, reader: Reader, auth: str
) -> None:
    api.auth, api.token = auth, "a.b.c" if auth == "JWT" else None
    api.add(drop(1, rows=30), month(30))
    page = reader.open(f"#drop={drop_id(1)}" + ("&token=a.b.c" if auth == "JWT" else ""))

    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()

    assert download.value.suggested_filename == f"{drop_id(1)}.parquet"
    assert {"download": "link"} in api.asked_for(f"drops/{drop_id(1)}/predictions")
    (presigned,) = [request for request in api.asked if request.path.startswith("presigned/")]
    assert "authorization" not in presigned.headers
    expect(page.locator(".chart svg")).to_be_visible()


def test_predictions_that_cannot_be_read_are_a_problem_of_that_part_alone(api: Api, reader: Reader) -> None:
    api.add(drop(1, rows=30), month(30))
    path = f"drops/{drop_id(1)}/predictions"
    api.troubles[path] = problem(409, "Not scored", "It was taken back.", state="WAITING", reason="no model")
    page = reader.open(f"#drop={drop_id(1)}")

    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("State: WAITING no model")
    expect(page.get_by_role("heading", name="Lineage")).to_be_visible()
    api.troubles.clear()
    alert.get_by_role("button", name="Try again").click()

    expect(page.locator(".chart svg")).to_be_visible()
    expect(alert).to_have_count(0)


def test_a_job_links_to_its_drops_and_back(api: Api, reader: Reader) -> None:
    detail = drop(1, rows=30)
    api.jobs[detail["transform_job"]] = job(detail)
    page = reader.open(f"#drop={api.add(detail, month(30))}")
    page.get_by_role("link", name=detail["transform_job"]).click()

    expect(page.get_by_role("heading", level=1)).to_have_text(detail["transform_job"])
    expect(page.locator(".lineage")).to_contain_text("Completed")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    page.get_by_role("link", name=detail["drop_id"]).click()

    expect(page.get_by_role("heading", level=1)).to_have_text(detail["source_key"])
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text(detail["transform_job"])
    assert page.title().startswith(detail["transform_job"])
