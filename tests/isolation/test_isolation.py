"""The process that reads files: whatever befalls it, the function goes on and says what happened."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from dropscore.aws.clients import error_code, passes_by_itself
from dropscore.domain import errors
from dropscore.domain.errors import DropscoreError, ReaderDied, ReaderOverdue, ServiceBusy
from dropscore.files import isolation
from dropscore.files.isolation import TRIES, Defect, IsolatedFileWork
from tests.flow.flow import wait_for

TOY = "tests.isolation.toy"
LIMIT = timedelta(seconds=120)
MEMORY = 512 * 2**20


@pytest.fixture
def work():
    made = IsolatedFileWork(MEMORY, TOY)
    yield made
    made.close()


@pytest.fixture
def deaths(monkeypatch):
    """What the children died of."""
    found = []
    original = isolation.Reader._cause

    def noted(reader):
        found.append(original(reader))
        return found[-1]

    monkeypatch.setattr(isolation.Reader, "_cause", noted)
    return found


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_one_child_does_one_thing_after_the_other(work):
    pids = {work.convert("pid", None, LIMIT) for _ in range(3)}
    assert len(pids) == 1
    assert pids != {os.getpid()}
    assert work.convert("echo", {"a": [1, None]}, LIMIT) == {"a": [1, None]}


def test_nothing_is_left_of_it_after_close_and_another_one_comes_when_needed():
    open_files = len([*Path("/proc/self/fd").iterdir()])
    work = IsolatedFileWork(None, TOY)
    pid = work.convert("pid", None, LIMIT)
    work.close()
    assert not alive(pid)
    assert len([*Path("/proc/self/fd").iterdir()]) == open_files
    assert work.convert("pid", None, LIMIT) != pid
    work.close()
    work.close()


@pytest.mark.parametrize(
    ("trick", "argument", "cause"),
    [("crash", None, "SIGSEGV"), ("end", 0, "exit code 0")],
)
def test_what_kills_each_reader_is_blamed_and_the_next_file_is_read(work, deaths, trick, argument, cause):
    with pytest.raises(ReaderDied, match=rf"died 3 times over it \({cause}\): the file is damaged"):
        work.convert(trick, argument, LIMIT)
    assert deaths == [cause] * TRIES
    assert work.convert("echo", "next", LIMIT) == "next"


def test_a_reader_that_dies_once_is_not_held_against_the_file(work, deaths, tmp_path):
    assert work.convert("die_once", str(tmp_path / "mark"), LIMIT) == "survived"
    assert deaths == ["SIGSEGV"]


def test_a_reader_that_died_while_idle_is_replaced(work):
    pid = work.convert("pid", None, LIMIT)
    os.kill(pid, signal.SIGKILL)
    assert work.convert("pid", None, LIMIT) != pid


@pytest.mark.parametrize("trick", ["hang", "spin"])
def test_what_takes_too_long_is_ended_in_time(work, trick):
    pid = work.convert("pid", None, LIMIT)
    with pytest.raises(ReaderOverdue, match="longer than the function has time"):
        work.convert(trick, None, timedelta(seconds=0.5))
    assert not alive(pid)
    assert work.convert("echo", "next", LIMIT) == "next"


def test_a_limit_that_has_passed_already_is_overdue_and_does_not_wait(work):
    work.convert("echo", None, LIMIT)
    with pytest.raises(ReaderOverdue):
        work.convert("hang", None, timedelta(seconds=-1))


def test_one_that_closes_its_end_and_stays_is_taken_for_dead(work, deaths, monkeypatch):
    monkeypatch.setattr(isolation, "_DYING_SECONDS", 0.1)
    pid = work.convert("pid", None, LIMIT)
    with pytest.raises(ReaderDied, match="it closed its end"):
        work.convert("hang_up", None, LIMIT)
    assert deaths == ["it closed its end"] * TRIES
    assert not alive(pid)


def test_errors_of_ours_arrive_as_they_are(work):
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and kind.__module__ == errors.__name__
    ]
    assert DropscoreError in kinds
    for kind in kinds:
        with pytest.raises(DropscoreError, match=f"told to raise {kind.__name__}$") as raised:
            work.convert("fail", kind.__name__, LIMIT)
        assert type(raised.value) is kind


def test_what_aws_said_arrives_with_its_code(work):
    with pytest.raises(ClientError) as raised:
        work.convert("fail_at_aws", "SlowDown", LIMIT)
    assert (error_code(raised.value), passes_by_itself(raised.value)) == ("SlowDown", True)
    with pytest.raises(EndpointConnectionError, match="http://s3") as unreachable:
        work.convert("fail_to_connect", "http://s3", LIMIT)
    assert passes_by_itself(unreachable.value)


def test_an_error_of_a_service_s_own_class_arrives_as_one_of_aws_with_its_code(work):
    """botocore makes such classes where the client is; no other process knows them."""
    with pytest.raises(ClientError) as raised:
        work.convert("denied", None, LIMIT)
    assert error_code(raised.value) == "NoSuchKey"


def test_an_error_nobody_expects_is_a_defect_with_its_traceback(work, deaths):
    with pytest.raises(Defect, match=r"Traceback(?s:.)*in fail_unexpectedly(?s:.)*KeyError: 'oh'"):
        work.convert("fail_unexpectedly", "oh", LIMIT)
    with pytest.raises(Defect, match="ContentError: has a thing with it"):
        work.convert("fail_untellably", None, LIMIT)
    assert deaths == []


def test_more_memory_than_there_is_is_said_with_the_number_and_the_reader_replaced(work, deaths):
    with pytest.raises(ReaderDied, match="needs more than the 512 MiB of memory that there are"):
        work.convert("take", 2 * MEMORY, LIMIT)
    pid = work.convert("pid", None, LIMIT)
    assert work.convert("take", MEMORY // 4, LIMIT) == MEMORY // 4
    with pytest.raises(ReaderDied, match="512 MiB"):
        work.convert("take", 2 * MEMORY, LIMIT)
    assert work.convert("pid", None, LIMIT) != pid
    assert deaths == []


def test_more_disk_than_there_is_is_the_file_s_fault_not_a_defect(work):
    with pytest.raises(
        ReaderDied, match=r"needs more disk than there is \(.*No space left.*\): split the file"
    ):
        work.convert("fill_the_disk", None, LIMIT)


def test_no_memory_for_a_thread_is_as_no_memory_for_anything_else(work):
    with pytest.raises(ReaderDied, match="no memory is left for a thread: give the functions more"):
        work.convert("have_no_thread", None, LIMIT)
    assert work.convert("pid", None, LIMIT)


def test_a_file_is_not_blamed_for_the_memory_that_another_has_left_in_use(work):
    half = MEMORY // 2
    assert work.convert("hold", half, LIMIT) == half
    assert work.convert("take", half, LIMIT) == half


def test_a_child_that_does_not_start_is_not_held_against_the_file():
    stillborn = IsolatedFileWork(None, "tests.isolation.stillborn")
    with pytest.raises(ServiceBusy, match=r"does not start \(exit code 7\)"):
        stillborn.convert("echo", 1, LIMIT)
    stillborn.close()


def test_a_file_is_not_begun_in_the_time_that_a_slow_start_has_left_of_its_limit(monkeypatch):
    limits = []
    wait = isolation.Reader.wait_until_ready
    monkeypatch.setattr(isolation, "monotonic", lambda: 1000.0)
    monkeypatch.setattr(
        isolation.Reader,
        "wait_until_ready",
        lambda reader, until: limits.append(until) or wait(reader, until),
    )
    slow = IsolatedFileWork(None, "tests.isolation.slow_starter")
    with pytest.raises(ServiceBusy, match=r"does not start \(not in time\)"):
        slow.convert("echo", 1, timedelta(seconds=2))
    assert limits == [1000.0 + isolation.STARTING * 2]
    slow.close()


def test_a_machine_that_has_no_room_for_a_child_is_not_held_against_the_file(work, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(ServiceBusy, match=r"does not start .*No such file"):
        work.convert("echo", 1, LIMIT)


def test_what_it_prints_does_not_get_into_the_function_s_own_output(work, capfd):
    assert work.convert("print", "from the child", LIMIT) == "said"
    out, err = capfd.readouterr()
    assert (out, err.count("from the child")) == ("", 2)


def test_it_ends_when_the_function_is_killed_though_it_is_busy(tmp_path):
    mark = tmp_path / "pid"
    with subprocess.Popen(
        [sys.executable, "-m", "tests.isolation.parent", mark],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    ) as parent:
        wait_for(mark.exists, lambda: "the child is not at work")
        pid = int(mark.read_text())
        assert alive(pid)
        parent.kill()
        wait_for(lambda: not alive(pid), lambda: f"{pid} is still there")
