"""Files that the ledger lacks are sent as S3 would have told of them; all others are left alone."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from dropscore.domain.drop import DropState
from dropscore.domain.messages import Arrival, correlation_id, prepare_requests
from dropscore.domain.source import NoDrop
from ops import enqueue as sending
from ops.enqueue import enqueue, notification
from ops.errors import NotAnAddress, QueueRefused
from ops.inbox import File, Page, pages, prefix_of
from ops.messages import Message, batches, send
from tests.unit.builders import NOW

KEY = "data/company_id=1/a b+c%2Fäü.PARQUET"


def run(world, prefix="", *, dry_run=False):
    *_, done = enqueue(world.stack, prefix, dry_run=dry_run)
    return done


def arrivals(world):
    requests = [next(prepare_requests(json.loads(body))) for body in world.bodies("InboxQueue")]
    assert all(isinstance(request, Arrival) for request in requests)
    return {(request.bucket, request.key, request.version) for request in requests}


def known(stock, source):
    """Have the ledger know of a file."""
    stock._drops.open(source, NOW, NOW)


def test_what_the_ledger_lacks_is_sent_and_prepare_reads_it_as_the_same_drop(world):
    first, second = world.put(KEY), world.put("b.parquet")

    done = run(world)

    assert (done.seen, done.known, done.lacking, done.sent) == (2, 0, 2, 2)
    assert arrivals(world) == {("inbox", source.key, source.version) for source in (first, second)}


def test_what_the_ledger_has_is_left_alone(world, stock):
    known(stock, world.put("known.parquet"))
    lost = world.put("lost.parquet")

    done = run(world)

    assert (done.known, done.sent, done.keys) == (1, 1, ["lost.parquet"])
    assert arrivals(world) == {("inbox", "lost.parquet", lost.version)}


def test_only_current_versions_of_drops_below_the_prefix_are_looked_at(world):
    world.put("data/a.parquet")
    current = world.put("data/a.parquet")
    world.put("data/readme.txt")
    world.put("other/a.parquet")
    world.put("data/gone.parquet")
    world.client("s3").delete_object(Bucket="inbox", Key="data/gone.parquet")

    assert run(world, "data/").seen == 1
    assert arrivals(world) == {("inbox", "data/a.parquet", current.version)}


NO_DROPS = [
    *(f"sales/_temporary/{number}/part-0.parquet" for number in range(5)),
    "x/part-0.parq",
    "unload/20240701_v74wa",
    "folder/",
]


def test_objects_that_are_no_drops_are_counted_by_reason_and_some_are_named(world):
    for key in NO_DROPS:
        world.put(key)

    done = run(world)

    assert (done.seen, done.sent, world.bodies("InboxQueue")) == (0, 0, [])
    assert done.no_drops == {NoDrop.HIDDEN: 5, NoDrop.SUFFIX: 2}
    assert done.no_drop_keys == {
        NoDrop.HIDDEN: NO_DROPS[:3],
        NoDrop.SUFFIX: ["unload/20240701_v74wa", "x/part-0.parq"],
    }


def test_no_drops_of_all_pages_are_counted_and_few_are_named(world, monkeypatch):
    page = Page(no_drops={NoDrop.HIDDEN: ["_a", "_b"], NoDrop.SUFFIX: ["c"]})
    monkeypatch.setattr(sending, "pages", lambda *_: iter([page, Page(), page]))

    done = run(world)

    assert done.no_drops == {NoDrop.HIDDEN: 4, NoDrop.SUFFIX: 2}
    assert done.no_drop_keys == {NoDrop.HIDDEN: ["_a", "_b", "_a"], NoDrop.SUFFIX: ["c", "c"]}


def test_the_suffixes_of_the_stack_decide(world):
    for key in NO_DROPS:
        world.put(key)
    stack = replace(world.stack, parameters={**world.stack.parameters, "InboxSuffixes": ".parquet,*"})

    *_, done = enqueue(stack, "", dry_run=False)

    assert {key for _, key, _ in arrivals(world)} == {"x/part-0.parq", "unload/20240701_v74wa"}
    assert done.no_drops == {NoDrop.HIDDEN: 5}


def test_a_new_version_of_a_known_file_is_lacking(world, stock):
    known(stock, world.put("a.parquet"))
    world.put("a.parquet")

    assert run(world).lacking == 1


def test_a_file_from_before_the_bucket_kept_versions_is_known_by_its_etag(world, stock):
    s3 = world.client("s3")
    s3.create_bucket(Bucket="old", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket="old", Key="a.parquet", Body=b"PAR1")
    s3.put_bucket_versioning(Bucket="old", VersioningConfiguration={"Status": "Enabled"})
    stack = world.with_clients()
    stack.resources["InboxBucket"] = "old"
    ((file,),) = [page.files for page in pages(stack, "")]

    assert (file.version, file.source.versioned, file.source.version) == ("null", False, file.etag)
    (request,) = prepare_requests(notification(file, "eu-central-1", "r"))
    assert request.version is None  # prepare asks S3, and comes to the same drop

    stock._drops.open(file.source, NOW, NOW)
    *_, done = enqueue(stack, "", dry_run=False)
    assert (done.known, done.lacking) == (1, 0)


def test_a_dry_run_sends_nothing(world):
    world.put("a.parquet")

    assert run(world, dry_run=True).lacking == 1
    assert world.bodies("InboxQueue") == []


def test_more_than_a_batch_is_sent_whole_and_its_log_lines_can_be_found(world):
    for number in range(23):
        world.put(f"{number:02}.parquet")

    done = run(world)

    bodies = world.bodies("InboxQueue")
    assert (done.sent, len(bodies), len(done.keys)) == (23, 23, 20)
    assert {correlation_id(body) for body in bodies} == {done.request}


def test_files_of_another_bucket_are_refused_for_prepare_would_let_them_go(world):
    assert prefix_of(world.stack, "s3://inbox/data/") == "data/"
    assert prefix_of(world.stack, "s3://inbox") == ""
    assert prefix_of(world.stack, "data/") == "data/"
    with pytest.raises(NotAnAddress, match="which is inbox"):
        prefix_of(world.stack, "s3://elsewhere/data/")


def test_an_etag_says_which_object_it_was():
    file = File("inbox", KEY, "v1", "abc", 7, NOW)
    (request,) = prepare_requests(notification(file, "eu-central-1", "r"))

    assert request == Arrival("inbox", KEY, "v1", "abc", None)


class Refusing:
    """An SQS that refuses the second of each batch."""

    def send_message_batch(self, QueueUrl, Entries):  # noqa: N803 - boto3's names
        assert QueueUrl == "url"
        return {"Failed": [{"Id": Entries[1]["Id"], "Code": "InternalError", "Message": "try again"}]}


def test_messages_that_sqs_refuses_are_told_after_those_that_it_took():
    steps = send(Refusing(), "url", [Message(text) for text in "abc"])

    assert [message.body for message in next(steps)] == ["a", "c"]
    with pytest.raises(QueueRefused, match="refused 1 of 3 messages: try again"):
        next(steps)


def test_batches_stay_under_what_a_request_takes():
    sizes = [len(batch) for batch in batches([Message("x" * 90_000)] * 5 + [Message("y")] * 12)]

    assert sum(sizes) == 17
    assert sizes == [2, 2, 10, 3]


def test_states_do_not_matter(world, stock):
    """A drop that FAILED or was REJECTED is known: retry and rescore are for those."""
    for state in (DropState.FAILED, DropState.REJECTED):
        assert stock.add(state, NOW - NOW).state is state
    assert run(world).seen == 0
