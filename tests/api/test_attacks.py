"""Nothing from outside becomes a key in S3: whatever an id or a cursor says, nothing is read."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from zlib import crc32

import pytest

from dropscore.api.cursors import Cursors
from tests.api.stack import scored_rows

IDS = [
    "..",
    "../secret",
    "..%2Fsecret",
    "..%252Fsecret",
    "%2e%2e%2f%2e%2e%2fmodels",
    "a" * 19,
    "a" * 21,
    "A" * 20,
    "g" * 20,
    "a" * 20 + "%00",
    "a" * 20 + "%0A",
    "a" * 20 + "%0D%0A",
    "%00",
    "a" * 5_000,
    "s3:%2F%2Fdropscore-results%2Fx",
    "drop%23aaaaaaaaaaaaaaaaaaaa",
    "' OR 1=1 --",
    "%27%20OR%20%271%27=%271",
    "*",
    "%F0%9F%98%80",
    "\uff10" * 20,
    "%C3%A4" * 20,
    "b" * 20,  # of another table
]


@pytest.mark.parametrize("rest", ["", "/predictions", "/rejects", "/predictions?download=parquet"])
def test_an_id_that_is_no_drop_s_reads_nothing(ask, stack, reads, rest):
    stack.score(scored_rows(3))
    reads.clear()
    for drop_id in IDS:
        answer = ask(f"/drops/{drop_id}{rest}")
        assert (drop_id, answer.status) == (drop_id, 404)
        assert answer.headers["content-type"] == "application/problem+json"
    assert reads == []


def test_an_id_with_a_newline_after_it_is_not_the_drop_s(ask, stack):
    drop = stack.score(scored_rows(3))
    assert ask(f"/drops/{drop.drop_id}").status == 200
    assert ask(f"/drops/{drop.drop_id}%0A").status == 404


@pytest.fixture
def asked(ask, stack, reads):
    """The address of a result, the cursor of its second page, and what makes cursors for it."""
    drop = stack.score(scored_rows(10))
    target = f"/drops/{drop.drop_id}/predictions"
    cursor = ask(f"{target}?limit=2").json["next_cursor"]
    cursors = Cursors("predictions", drop.drop_id, drop.result_uri, None, None, None)
    assert cursors.write("2") == cursor
    reads.clear()
    return target, cursor, cursors


def refused(answer):
    return (answer.status, [error["field"] for error in answer.json["errors"]]) == (400, ["cursor"])


def test_every_change_of_a_character_is_noticed(ask, asked, reads):
    target, cursor, _ = asked
    for place, character in enumerate(cursor):
        other = "B" if character != "B" else "C"
        assert refused(ask(f"{target}?cursor={cursor[:place]}{other}{cursor[place + 1 :]}"))
    assert reads == []


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c[:-1],
        lambda c: c + "A",
        lambda c: c + "=",
        lambda c: c + "%3D%3D",
        lambda c: c * 2,
        lambda c: c[::-1],
        lambda _: "A",
        lambda _: "..%2F..%2Fmodels",
        lambda _: "null",
        lambda _: "0",
        lambda _: urlsafe_b64encode(b'{"key": "models/x"}').decode().rstrip("="),
    ],
)
def test_what_is_no_cursor_of_ours_reads_nothing(ask, asked, reads, change):
    target, cursor, _ = asked
    assert refused(ask(f"{target}?cursor={change(cursor)}"))
    assert reads == []


@pytest.mark.parametrize("bits", range(1, 4))
def test_a_cursor_written_otherwise_is_not_taken(ask, asked, bits):
    """The last character of base64url has bits to spare: what sets them decodes to the same."""
    target, _, cursors = asked
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    cursor = next(c for c in map(cursors.write, ("1", "12", "123")) if len(c) % 4 == 3)
    other = alphabet[alphabet.index(cursor[-1]) | bits]
    assert refused(ask(f"{target}?cursor={cursor[:-1]}{other}"))


@pytest.mark.parametrize(
    "position",
    ["-1", "+1", "01", "1.0", "1e3", " 1", "1 ", "", "x", "../models", "٣", "9" * 30, "0x1", "None"],
)
def test_a_forged_position_that_is_no_place_reads_nothing(ask, asked, reads, position):
    target, _, cursors = asked
    assert refused(ask(f"{target}?cursor={cursors.write(position)}"))
    assert reads == []


@pytest.mark.parametrize("position", ["10", "11", "99999999999999"])
def test_a_forged_place_outside_of_the_result_is_refused(ask, asked, position):
    target, _, cursors = asked
    assert refused(ask(f"{target}?cursor={cursors.write(position)}"))


def test_a_position_that_is_no_text_is_refused(ask, asked, reads):
    target, _, cursors = asked
    said = b"\x01" + cursors._fingerprint + b"\xff\xfe"
    forged = urlsafe_b64encode(said + crc32(said).to_bytes(4)).decode().rstrip("=")
    assert refused(ask(f"{target}?cursor={forged}"))
    assert reads == []


def test_a_cursor_is_good_for_its_own_request_only(ask, asked, stack, reads):
    target, cursor, _ = asked
    other = stack.score(scored_rows(10), key="b.parquet")
    reads.clear()
    elsewhere = [
        f"/drops/{other.drop_id}/predictions?cursor={cursor}",
        f"{target}?columns=row&cursor={cursor}",
        f"{target}?from=2026-03-01T00:00:00Z&cursor={cursor}",
        f"{target.replace('predictions', 'rejects')}?cursor={cursor}",
        f"/drops?cursor={cursor}",
        f"/models?cursor={cursor}",
    ]
    assert all(refused(ask(place)) for place in elsewhere)
    assert reads == []


PLACES = ["", "x", "2026-03-04#zzz", "../..", "{}", "9" * 3_000, "\x00", "ü" * 500]


@pytest.mark.parametrize("query", ["", "state=SCORED", "key_prefix=a", "source_key=a", "model_version=7"])
def test_a_forged_place_in_the_catalogue_is_refused(ask, stack, reads, query):
    stack.score(scored_rows(3))
    reads.clear()
    assert ask(f"/drops?{query}&limit=1" if query else "/drops?limit=1").status == 200
    for position in PLACES:
        forged = Cursors(*_catalogue(query)).write(position)
        assert refused(ask(f"/drops?{query}&cursor={forged}" if query else f"/drops?cursor={forged}"))
    assert reads == []


def _catalogue(query):
    from dropscore.domain.catalogue import Arrived, ByVersion, Everything, InState, OfKey, UnderPrefix
    from dropscore.domain.drop import DropState

    selections = {
        "": Everything(),
        "state=SCORED": InState(DropState.SCORED),
        "key_prefix=a": UnderPrefix("a"),
        "source_key=a": OfKey("a"),
        "model_version=7": ByVersion(7),
    }
    return "drops", selections[query], Arrived(None, None)


def test_a_ledger_that_names_something_else_is_not_followed(ask, stack, reading, reads, caplog):
    """GIVEN an item whose result lies in another bucket, or elsewhere in ours: that is a defect of ours."""
    drop = stack.score(scored_rows(3))
    for uri in ("s3://models/predictions/x.parquet", "s3://dropscore-results/rejects/x.parquet", "x"):
        reading.drops._table.change(f"drop#{drop.drop_id}", {"result_uri": uri}, None)
        reads.clear()
        for rest in ("", "?download=parquet"):
            answer = ask(f"/drops/{drop.drop_id}/predictions{rest}")
            assert answer.status == 500
            assert uri not in answer.text
        assert reads == []
    assert "which is not below s3://dropscore-results/predictions/" in caplog.text
