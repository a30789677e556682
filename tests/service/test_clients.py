"""The clients: what each call may take."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import boto3

from dropscore.api.composition import READ_ROUNDS
from dropscore.aws.clients import ANSWERING, ENOUGH, WORKING, Clients

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


def test_who_has_enough_time_for_more_calls_has_it_for_a_look_of_the_catalogue():
    """One query, and as many reads of its items as there are rounds."""
    assert (1 + READ_ROUNDS) * longest(ANSWERING) < ENOUGH.total_seconds() < GATEWAY_SECONDS


def test_a_call_from_a_queue_leaves_most_of_a_function_s_time():
    assert longest(WORKING) < 120


def test_a_client_is_made_once_and_not_before_something_is_asked_of_it(monkeypatch):
    made = []
    real = boto3.session.Session.client

    def client(session, service, **options):
        made.append(service)
        return real(session, service, region_name="eu-central-1", **options)

    monkeypatch.setattr(boto3.session.Session, "client", client)
    clients = Clients()
    sqs, sagemaker = clients.sqs(), clients.sagemaker()
    assert made == []

    with ThreadPoolExecutor(4) as threads:
        regions = set(threads.map(lambda _: sqs.meta.region_name, range(8)))

    assert regions == {"eu-central-1"}
    assert made == ["sqs"]
    assert clients.sagemaker() is sagemaker
