"""The clients: what each call may take."""

from __future__ import annotations

from dropscore.aws.clients import ANSWERING, WORKING

GATEWAY_SECONDS = 29
CALLS = 4


def longest(config):
    """Seconds that one call takes at most: every try times out, and between tries botocore waits.

    The standard mode waits for up to 2 ** (tries - 1) seconds, 20 at most (botocore.retries.standard).
    """
    tries = config.retries["total_max_attempts"]
    waits = sum(min(2**number, 20) for number in range(tries - 1))
    return tries * (config.connect_timeout + config.read_timeout) + waits


def test_the_calls_of_one_answer_fit_the_time_that_api_gateway_waits():
    assert CALLS * longest(ANSWERING) <= GATEWAY_SECONDS


def test_a_call_from_a_queue_leaves_most_of_a_function_s_time():
    assert longest(WORKING) < 120
