"""Files are copied onto themselves: the right ones, once, as they were."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from botocore.stub import ANY, Stubber

from dropscore.aws.ledger import Drops, OpenWork
from dropscore.domain.catalogue import Arrived
from dropscore.domain.drop import Counts, DropState
from dropscore.domain.outcome import FileOutcome
from dropscore.domain.source import DEFAULT_SUFFIXES
from ops.choosing import LARGEST_COPY, Chosen, Wish, choose, clock_of
from ops.errors import NotADrop
from ops.inbox import File, current
from ops.prices import estimate
from ops.rescore import copy, rescore
from tests.ops.builders import real_client
from tests.unit.builders import MODEL, NOW

FINAL = frozenset(state for state in DropState if state.final)


def wish(**fields):
    later = datetime.now(UTC) + timedelta(seconds=5)
    chosen = {"key": None, "prefix": None, "day": None, "version": None, "states": FINAL, "before": later}
    return Wish(**{**chosen, **fields})


def chosen(world, **fields):
    *_, found = choose(world.stack, wish(**fields))
    return found


@pytest.fixture
def dropped(world):
    """Puts a file and has the ledger know what became of it: `dropped(key, state)`."""
    table = world.stack.ledger()
    drops = Drops(table, OpenWork(table))

    def drop(key, state=DropState.SCORED, model=MODEL, arrived=None):
        now = arrived or datetime.now(UTC)
        opened = drops.open(world.put(key), now, now + timedelta(minutes=5))
        if state is DropState.SCORED:
            return drops.score(opened, model, FileOutcome(Counts(10, 10, 0), result_uri="s3://r/p"), now)
        return drops.reject(opened, "bad", None, None, now) if state is DropState.REJECTED else opened

    return drop


def keys(found):
    return sorted(file.key for file in found.files)


def test_a_prefix_has_its_files_with_rows_and_bytes(world, dropped):
    for key in ("data/a.parquet", "data/b.parquet", "other/c.parquet"):
        dropped(key)

    found = chosen(world, prefix="data/")

    assert keys(found) == ["data/a.parquet", "data/b.parquet"]
    assert (found.rows, found.size) == (20, 8)


def test_a_key_is_that_file_alone(world, dropped):
    dropped("a.parquet")
    dropped("a.parquet.parquet")

    assert keys(chosen(world, key="a.parquet")) == ["a.parquet"]
    with pytest.raises(NotADrop, match=r"no file b\.parquet"):
        chosen(world, key="b.parquet")


def test_a_day_has_the_drops_that_arrived_on_it_whose_file_has_no_newer_version(world, dropped):
    start = (datetime.now(UTC) - timedelta(days=3)).replace(microsecond=0)
    dropped("before.parquet", arrived=start - timedelta(seconds=1))
    dropped("within.parquet", arrived=start)
    dropped("replaced.parquet", arrived=start)
    world.put("replaced.parquet")
    dropped("deleted.parquet", arrived=start)
    world.client("s3").delete_object(Bucket="inbox", Key="deleted.parquet")

    found = chosen(world, day=Arrived(start, start + timedelta(days=1)))

    assert keys(found) == ["within.parquet"]


def test_a_day_of_more_than_a_page_is_found_whole(world, dropped):
    for number in range(130):
        dropped(f"{number:03}.parquet")

    assert len(chosen(world, day=Arrived(datetime.now(UTC) - timedelta(days=1))).files) == 130


def test_a_version_has_what_it_has_scored(world, dropped):
    dropped("old.parquet")
    dropped("new.parquet", model=replace(MODEL, version=8))

    assert keys(chosen(world, version=8)) == ["new.parquet"]
    assert keys(chosen(world, version=8, day=Arrived(until=NOW))) == []


def test_what_is_not_copied_is_said_with_its_reason(world, dropped):
    dropped("open.parquet", DropState.PREPARING)
    dropped("rejected.parquet", DropState.REJECTED)
    dropped("scored.parquet")
    world.put("unheard-of.parquet")

    found = chosen(world, prefix="", states=frozenset({DropState.REJECTED}))

    assert keys(found) == ["rejected.parquet"]
    said = " | ".join(found.left_alone)
    assert "not final yet" in said
    assert "in other states" in said
    assert "ops enqueue" in said


def test_a_drop_whose_copy_would_be_none_is_left_alone_with_the_reason(world, dropped):
    """It was scored by a stack that took temporary files for drops, or had other suffixes."""
    dropped("_temporary/0/part-0.parquet")
    dropped("part-0.parq")
    day = Arrived(datetime.now(UTC) - timedelta(days=1))

    by_day, by_key = chosen(world, day=day), chosen(world, key="part-0.parq")

    assert (by_day.files, by_key.files) == ([], [])
    assert sorted(by_day.left_alone.values()) == [1, 1]
    assert list(by_key.left_alone) == ["copies would be no drops: its key does not end in .parquet"]


def test_the_suffixes_of_the_stack_say_what_may_be_copied(world, dropped):
    dropped("part-0.parq")
    stack = replace(world.stack, parameters={**world.stack.parameters, "InboxSuffixes": ".parquet,.parq"})

    *_, found = choose(stack, wish(key="part-0.parq"))

    assert keys(found) == ["part-0.parq"]


def test_what_was_put_since_is_left_alone_so_that_a_run_can_be_repeated(world, dropped):
    dropped("a.parquet")

    found = chosen(world, prefix="", before=datetime.now(UTC) - timedelta(seconds=5))

    assert (found.files, sum(found.left_alone.values())) == ([], 1)


def test_files_that_one_request_cannot_copy_are_left_to_the_aws_command(stock):
    drop = stock.add(DropState.SCORED, timedelta())
    file, found = File("inbox", "large.parquet", "v", "e", LARGEST_COPY + 1, NOW), Chosen()

    found.take(file, drop, wish(), DEFAULT_SUFFIXES)

    assert "aws s3 cp" in next(iter(found.left_alone))


def test_the_clock_is_s3_s_where_it_says_what_time_it_is(world):
    assert abs(clock_of(world.stack) - datetime.now(UTC)) < timedelta(minutes=1)
    assert clock_of(world.stack).microsecond == 0


def test_a_copy_is_a_new_version_of_the_same_content_and_description(world):
    first = world.put(
        "a b+ü.parquet", b"PAR1abc", ContentType="application/x-parquet", Metadata={"unit": "7"}
    )

    *_, done = rescore(world.stack, [current(world.stack, "a b+ü.parquet")])

    assert (done.copied, done.failed) == (1, 0)
    head = world.client("s3").get_object(Bucket="inbox", Key="a b+ü.parquet")
    assert head["VersionId"] != first.version
    assert (head["ContentType"], head["Metadata"]) == ("application/x-parquet", {"unit": "7"})
    assert head["Body"].read() == b"PAR1abc"


def test_a_file_that_was_replaced_meanwhile_is_left_alone(world):
    world.put("a.parquet")
    file = current(world.stack, "a.parquet")
    newer = world.put("a.parquet")

    *_, done = rescore(world.stack, [file])

    assert (done.copied, done.failed) == (0, 1)
    assert "newer version" in done.failures[0]
    assert current(world.stack, "a.parquet").version == newer.version


def test_what_s3_refuses_is_told_and_the_others_are_copied(world):
    world.put("a.parquet")
    gone = File("inbox", "gone.parquet", "v", "e", 1, NOW)

    *_, done = rescore(world.stack, [gone, current(world.stack, "a.parquet")])

    assert (done.copied, done.failed) == (1, 1)
    assert done.failures[0].startswith("gone.parquet: 404")


def test_interrupted_no_further_copy_is_begun(world):
    for number in range(40):
        world.put(f"{number}.parquet")
    files = [current(world.stack, f"{number}.parquet") for number in range(40)]

    steps = rescore(world.stack, files)
    next(steps)
    steps.close()

    s3 = world.client("s3")
    copied = sum(current(world.stack, file.key).version != file.version for file in files)
    assert 1 <= copied <= 20
    assert len(s3.list_object_versions(Bucket="inbox")["Versions"]) == 40 + copied


def test_s3_is_asked_to_replace_the_metadata_by_the_same_while_the_file_is_the_same():
    s3 = real_client("s3")
    with Stubber(s3) as stubber:
        head = {
            "VersionId": "v1",
            "ETag": '"e"',
            "ContentType": "x/y",
            "StorageClass": "STANDARD_IA",
            "Metadata": {"a": "b"},
        }
        stubber.add_response("head_object", head, {"Bucket": "inbox", "Key": "k"})
        stubber.add_response(
            "copy_object",
            {},
            {
                "Bucket": "inbox",
                "Key": "k",
                "CopySource": ANY,
                "CopySourceIfMatch": '"e"',
                "MetadataDirective": "REPLACE",
                "ContentType": "x/y",
                "StorageClass": "STANDARD_IA",
                "Metadata": {"a": "b"},
            },
        )
        assert copy(s3, File("inbox", "k", "v1", "e", 1, NOW)) is None
        stubber.assert_no_pending_responses()


def test_the_cost_counts_requests_storage_and_full_jobs():
    cost = estimate(files=250, size=2 * 1024**3, job_max_drops=100, instances=2, instance_type="ml.m5.large")

    assert cost.copies == pytest.approx(250 * 0.0054 / 1000)
    assert cost.storage_month == pytest.approx(0.046)
    assert (cost.transform_jobs, cost.jobs) == (3, pytest.approx(3 * 2 * 5 / 60 * 0.115))
    assert "at least 0.06 dollars for 3 transform jobs" in cost.words("ml.m5.large")


def test_a_price_that_is_not_known_is_not_guessed():
    cost = estimate(files=1, size=1, job_max_drops=100, instances=1, instance_type="ml.x9.huge")

    assert cost.jobs is None
    assert "not known here" in cost.words("ml.x9.huge")
