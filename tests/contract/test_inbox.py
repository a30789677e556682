"""The inbox: which version is the current one, and each version for itself."""

from __future__ import annotations

import pytest

from dropscore.aws.ranged import TAIL_BYTES
from dropscore.domain.errors import SourceGone
from dropscore.domain.source import Source

KEY = "data/company_id=1/ü a+b%20.parquet"
LARGE = bytes(3 * TAIL_BYTES)


@pytest.fixture
def inbox(side):
    return side.inbox()


@pytest.fixture
def unversioned(side):
    return side.inbox(versioned=False)


def current(inbox, sequencer=None):
    return inbox.current(inbox.bucket, KEY, sequencer)


def version_of(inbox, version):
    return Source(inbox.bucket, KEY, version)


def gone(call):
    with pytest.raises(SourceGone, match="source gone: s3://"):
        call()


def test_the_newest_version_is_the_current_one(inbox):
    inbox.put(KEY, b"old")
    newest = inbox.put(KEY, b"new")
    assert current(inbox, "0055") == Source(inbox.bucket, KEY, newest, "0055", versioned=True)


def test_the_same_content_again_is_another_version(inbox):
    assert inbox.put(KEY, b"same") != inbox.put(KEY, b"same")


def test_a_key_that_was_never_there_has_no_current_version(inbox):
    gone(lambda: current(inbox))


def test_a_key_in_a_bucket_that_is_not_there_has_no_current_version(inbox):
    inbox.put(KEY, b"x")
    gone(lambda: inbox.current("there-is-no-such-bucket", KEY, None))


def test_a_deleted_key_has_no_current_version_but_its_versions_can_be_read(inbox):
    version = inbox.put(KEY, b"mine")
    inbox.hide(KEY)
    gone(lambda: current(inbox))
    assert inbox.open(version_of(inbox, version)).read() == b"mine"


def test_a_delete_marker_cannot_be_read(inbox):
    inbox.put(KEY, b"mine")
    marker = inbox.hide(KEY)
    gone(lambda: inbox.open(version_of(inbox, marker)))


def test_a_key_that_is_put_again_after_it_was_deleted_has_a_current_version(inbox):
    inbox.put(KEY, b"old")
    inbox.hide(KEY)
    newest = inbox.put(KEY, b"new")
    assert current(inbox).version == newest


def test_without_the_newest_version_the_one_before_is_the_current_one(inbox):
    old, new = inbox.put(KEY, b"old"), inbox.put(KEY, b"new")
    inbox.delete(KEY, new)
    assert current(inbox).version == old
    inbox.delete(KEY, old)
    gone(lambda: current(inbox))


def test_each_version_is_read_for_itself(inbox):
    old, new = inbox.put(KEY, b"old"), inbox.put(KEY, b"newer")
    files = [inbox.open(version_of(inbox, version)) for version in (old, new)]
    assert [(file.size, file.read()) for file in files] == [(3, b"old"), (5, b"newer")]


def test_a_version_is_read_to_its_end_whatever_comes_meanwhile(inbox):
    file = inbox.open(version_of(inbox, inbox.put(KEY, LARGE)))
    inbox.put(KEY, b"something else")
    inbox.hide(KEY)
    assert file.read() == LARGE


def test_a_version_that_was_deleted_cannot_be_read(inbox):
    old, new = inbox.put(KEY, b"old"), inbox.put(KEY, b"new")
    inbox.delete(KEY, old)
    with pytest.raises(SourceGone, match=rf"source gone: s3://.* \(version {old}\) no longer exists"):
        inbox.open(version_of(inbox, old))
    assert inbox.open(version_of(inbox, new)).read() == b"new"


def test_a_version_that_is_deleted_while_it_is_read_is_gone(inbox):
    version = inbox.put(KEY, LARGE)
    file = inbox.open(version_of(inbox, version))
    assert file.read(4) == LARGE[:4]
    inbox.delete(KEY, version)
    gone(lambda: file.read(4))


def test_in_a_bucket_without_versions_the_etag_tells_objects_apart(unversioned):
    unversioned.put(KEY, b"old")
    tag = unversioned.put(KEY, b"mine")
    source = current(unversioned)
    assert source == Source(unversioned.bucket, KEY, tag, None, versioned=False)
    assert unversioned.open(source).read() == b"mine"


def test_in_a_bucket_without_versions_another_object_under_the_key_is_another_drop(unversioned):
    unversioned.put(KEY, b"mine")
    source = current(unversioned)
    unversioned.put(KEY, b"later")
    gone(lambda: unversioned.open(source))


def test_in_a_bucket_without_versions_a_deleted_object_is_gone(unversioned):
    unversioned.put(KEY, b"mine")
    source = current(unversioned)
    unversioned.hide(KEY)
    gone(lambda: current(unversioned))
    gone(lambda: unversioned.open(source))


def test_an_object_that_is_overwritten_while_it_is_read_is_gone_rather_than_a_mixture_of_two(unversioned):
    unversioned.put(KEY, LARGE)
    file = unversioned.open(current(unversioned))
    assert file.read(4) == LARGE[:4]
    unversioned.put(KEY, b"1" * len(LARGE))
    gone(lambda: file.read(4))
