"""The results API of the deployed stack: who may read, what they read, and that nobody sees half a result."""

from __future__ import annotations

import contextlib
import json
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

import pyarrow as pa
import pytest
from botocore.credentials import Credentials

from dropscore.domain.drop import Drop
from local.stack import STACK_NAME, LocalStack
from ops.page import PageProxy
from ops.results_api import Answer, ResultsApi
from tests.flow.flow import LIMIT_SECONDS, Flow, parquet
from tests.local.builders import principal
from tests.local.http_api import AUDIENCE, Issuer, ask, signature

ANYBODY = ["health", "openapi.json", "docs", ""]
READERS, FILES, ROWS = 50, 8, 2_000
PAGE = "https://page.example"


def reader_of(flow: Flow, *methods: str) -> ResultsApi:
    """The API as an IAM user reaches it who may invoke some of its methods, and nothing else."""
    api_id = flow.stack.outputs["ResultsApiUrl"].rstrip("/").rpartition("/")[2]
    resources = [f"arn:aws:execute-api:us-east-1:123456789012:{api_id}/*/{method}/*" for method in methods]
    statements = [{"Action": "execute-api:Invoke", "Resource": resources}] if methods else []
    user = principal(flow.stack, *statements)
    keys = Credentials(user.access_key_id, user.secret_access_key)
    return ResultsApi(flow.stack.outputs["ResultsApiUrl"], keys, flow.stack.region)


def read(api: ResultsApi, target: str) -> Any:
    answer = api.ask("GET", target)
    assert answer.status == HTTPStatus.OK, answer
    return json.loads(answer.body)


@pytest.fixture(scope="module")
def scored(deployed: Flow) -> Drop:
    """A drop of four rows, the third of which was rejected."""
    with_a_gap = parquet(4, ts=pa.array([0, 60_000, None, 180_000], pa.timestamp("ms")))
    (drop,) = deployed.wait(deployed.put("api/company_id=7/gap.parquet", with_a_gap))
    assert drop.state == "SCORED"
    return drop


def targets(drop: Drop) -> list[str]:
    """Each route that is for readers."""
    here = f"drops/{drop.drop_id}"
    return ["drops", here, f"{here}/predictions", f"{here}/rejects", f"jobs/{drop.job}", "models", "nowhere"]


# ---- Readers who sign ----
def test_a_reader_who_signs_reads_all_there_is_of_a_drop(flow: Flow, scored: Drop) -> None:
    api, here = reader_of(flow, "GET"), f"drops/{scored.drop_id}"
    result = flow.result(scored)

    listed = read(api, "drops?key_prefix=api%2F")["drops"]
    detail = read(api, here)
    page = read(api, f"{here}/predictions")
    rejects = read(api, f"{here}/rejects")
    job = read(api, f"jobs/{scored.job}")
    models = read(api, "models")

    assert [drop["drop_id"] for drop in listed] == [scored.drop_id]
    assert (detail["state"], detail["rows_in"], detail["rows_rejected"]) == ("SCORED", 4, 1)
    assert detail["lineage"]["result_uri"] == scored.result_uri
    assert [step["state"] for step in detail["history"]][-1] == "SCORED"
    assert [(row["row"], row["prediction"]) for row in page["predictions"]] == list(
        zip(result["row"].to_pylist(), result["prediction"].to_pylist(), strict=True)
    )
    assert {row["company_id"] for row in page["predictions"]} == {"7"}
    assert rejects["rejects"] == [{"row": 2, "column": "ts", "reason": "ts is null"}]
    assert scored.drop_id in job["drops"]
    assert models["scores_now"]["model_version"] == flow.model.version.number


def test_a_whole_result_is_fetched_from_an_address_that_needs_no_signature(flow: Flow, scored: Drop) -> None:
    api = reader_of(flow, "GET")

    answer = api.ask("GET", f"drops/{scored.drop_id}/predictions?download=parquet")

    assert answer.status == HTTPStatus.SEE_OTHER
    fetched = ask(str(answer.header("Location")))
    assert fetched.status == HTTPStatus.OK
    assert fetched.body == flow.read(str(scored.result_uri))


def test_who_does_not_sign_reads_nothing_of_the_data(flow: Flow, scored: Drop) -> None:
    url = flow.stack.outputs["ResultsApiUrl"]
    wrong = principal(flow.stack)
    for target in targets(scored):
        forged = signature(url + target, wrong.access_key_id, "another secret")
        assert ask(url + target).status == HTTPStatus.FORBIDDEN, target
        assert ask(url + target, **forged).status == HTTPStatus.FORBIDDEN, target
        assert ask(url + target, authorization="Bearer x").status == HTTPStatus.FORBIDDEN, target
    assert [ask(url + target).status for target in ANYBODY] == [HTTPStatus.OK] * len(ANYBODY)


def test_head_answers_anybody_where_get_does_and_nobody_else(flow: Flow, scored: Drop) -> None:
    url = flow.stack.outputs["ResultsApiUrl"]
    heads = [ask(url + target, "HEAD") for target in ANYBODY]

    assert [(head.status, head.body) for head in heads] == [(HTTPStatus.OK, b"")] * len(ANYBODY)
    for target in targets(scored):
        assert ask(url + target, "HEAD").status == HTTPStatus.FORBIDDEN, target


def test_a_flood_of_what_anybody_may_ask_takes_nothing_from_readers(flow: Flow) -> None:
    url, api = flow.stack.outputs["ResultsApiUrl"], reader_of(flow, "GET")
    flood: Counter[int] = Counter()
    with ThreadPoolExecutor(10) as strangers:
        for _ in range(20):  # a busy machine may be too slow for the limit at first
            flood.update(answer.status for answer in strangers.map(ask, [f"{url}docs"] * 40))
            if flood[HTTPStatus.TOO_MANY_REQUESTS]:
                break

    assert set(flood) == {HTTPStatus.OK, HTTPStatus.TOO_MANY_REQUESTS}
    assert api.ask("GET", "drops").status == HTTPStatus.OK


def test_who_signs_but_may_not_invoke_reads_nothing(flow: Flow, scored: Drop) -> None:
    nobody = reader_of(flow)

    assert {nobody.ask("GET", target).status for target in targets(scored)} == {HTTPStatus.FORBIDDEN}


def test_what_is_open_to_anybody_holds_no_data(flow: Flow, scored: Drop) -> None:
    url = flow.stack.outputs["ResultsApiUrl"]
    for target in ANYBODY:
        body = ask(url + target).body
        for secret in (scored.drop_id, scored.source.key, str(scored.job), "123456789012"):
            assert secret.encode() not in body, target


def test_whoever_asks_for_more_than_reading_is_told_so(flow: Flow, scored: Drop) -> None:
    everything = reader_of(flow, "*")
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = everything.ask(method, f"drops/{scored.drop_id}")
        assert answer.status == HTTPStatus.METHOD_NOT_ALLOWED
        assert answer.header("Content-Type") == "application/problem+json"
    head = everything.ask("HEAD", f"drops/{scored.drop_id}")
    assert (head.status, head.body) == (HTTPStatus.OK, b"")
    assert reader_of(flow, "GET").ask("POST", "drops").status == HTTPStatus.FORBIDDEN


def test_the_page_proxy_shows_a_browser_what_its_user_may_read(flow: Flow, scored: Drop) -> None:
    with PageProxy(reader_of(flow, "GET")).running() as page:
        shell, drops = ask(page), ask(f"{page}drops?key_prefix=api%2F")

    assert b"<!doctype html>" in shell.body.lower()
    assert drops.json["drops"][0]["drop_id"] == scored.drop_id


# ---- Nothing from outside becomes a key ----
@contextlib.contextmanager
def without_s3(flow: Flow) -> Iterator[None]:
    """While whatever the API's function asks of S3 is denied, and so would be answered 5xx."""
    resources = flow.stack.client("cloudformation").describe_stack_resources(
        StackName=STACK_NAME, LogicalResourceId="ResultsApiRole"
    )["StackResources"]
    (role,) = [one["PhysicalResourceId"] for one in resources if one["LogicalResourceId"] == "ResultsApiRole"]
    statement = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    place = {"RoleName": role, "PolicyName": "no-s3"}
    iam = flow.stack.client("iam")
    iam.put_role_policy(**place, PolicyDocument=policy)
    try:
        yield
    finally:
        iam.delete_role_policy(**place)


def test_forged_names_and_cursors_touch_nothing_in_s3(flow: Flow, scored: Drop) -> None:
    api, here = reader_of(flow, "GET"), f"drops/{scored.drop_id}"
    forged = [
        "drops/..%2F..%2Frejects",
        "drops/0123456789abcdef0123",
        "drops/0123456789abcdef0123/predictions",
        f"drops/{scored.drop_id.upper()}x/predictions",
        f"drops/{scored.drop_id}%00/rejects",
        "drops/predictions%2Fmodel_group=dropscore/predictions",
        "jobs/..%2F..%2Fdrop%23x",
        f"jobs/{scored.drop_id}",
        f"{here}/predictions?cursor=../../rejects",
        f"{here}/predictions?cursor=eyJrZXkiOiAicmVqZWN0cy94LnBhcnF1ZXQifQ",
        f"{here}/predictions?cursor=",
        f"{here}/predictions?columns=prediction,%22;drop",
        f"{here}/predictions?key=rejects/x.parquet",
        f"{here}/rejects?cursor=AAAA",
        "drops?key_prefix=a%27%20OR%201=1--&state=SCORED",
        "drops?cursor=AAAA",
        "drops?state=%27%20OR%20%27a%27=%27a",
    ]

    with without_s3(flow):
        answers = {target: api.ask("GET", target) for target in forged}
        # The function does ask S3 for a page; that it may not is seen.
        assert api.ask("GET", f"{here}/predictions").status >= HTTPStatus.INTERNAL_SERVER_ERROR

    refused = {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND}
    assert {target: answer for target, answer in answers.items() if answer.status not in refused} == {}
    assert {answer.header("Content-Type") for answer in answers.values()} == {"application/problem+json"}


def test_the_access_log_has_who_and_which_route_and_no_value_of_a_query(flow: Flow, scored: Drop) -> None:
    reader_of(flow, "GET").ask("GET", "drops?key_prefix=a-secret-prefix")
    logs = flow.stack.client("logs")
    group = f"/aws/vendedlogs/{STACK_NAME}/results-api"

    messages = [
        event["message"]
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        for event in page["events"]
    ]

    assert "a-secret-prefix" not in "".join(messages)
    assert scored.drop_id not in "".join(messages)
    last = json.loads(messages[-1])
    assert (last["route"], last["status"]) == ("GET /drops", "200")
    assert last["caller"].startswith("arn:aws:iam::123456789012:user/")


# ---- A result is there, or it is not ----
def test_fifty_readers_beside_a_collect_see_whole_results_or_none(flow: Flow) -> None:
    api, ended = flow.stack.results_api(), threading.Event()
    ids = [flow.put(f"beside/{number}.parquet", parquet(ROWS)) for number in range(FILES)]
    seen: Counter[int] = Counter()

    def watch(number: int) -> list[Answer]:
        """Pages of a drop, asked for again and again until all are there."""
        wrong, target = [], f"drops/{ids[number % FILES]}/predictions?limit=10000"
        while not ended.wait(0.1):
            answer = api.ask("GET", target)
            seen[answer.status] += 1
            if answer.status == HTTPStatus.OK and not is_whole(answer):
                wrong.append(answer)
            if answer.status not in {HTTPStatus.OK, HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND}:
                wrong.append(answer)
        return wrong

    with ThreadPoolExecutor(READERS) as readers:
        watching = [readers.submit(watch, number) for number in range(READERS)]
        try:
            drops = flow.wait(*ids, limit=LIMIT_SECONDS)
        finally:
            ended.set()
        wrong = [answer for one in watching for answer in one.result(LIMIT_SECONDS)]

    assert [drop.state for drop in drops] == ["SCORED"] * FILES
    assert wrong == []
    assert seen[HTTPStatus.CONFLICT] > 0, seen
    for drop in drops:
        page = read(api, f"drops/{drop.drop_id}/predictions?limit=10000")
        result = flow.result(drop)
        assert [row["prediction"] for row in page["predictions"]] == result["prediction"].to_pylist()


def is_whole(answer: Answer) -> bool:
    """Whether a page has every row, each with a prediction and its own actual."""
    page = json.loads(answer.body)
    rows = page["predictions"]
    return (
        page["next_cursor"] is None
        and [row["row"] for row in rows] == list(range(ROWS))
        and all(isinstance(row["prediction"], float) and row["actual"] == row["row"] % 7 for row in rows)
    )


# ---- A stack whose readers bring tokens, and that lets a page of another origin read ----
@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with Issuer().serving() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def with_tokens(issuer: Issuer) -> Iterator[str]:
    """The URL of its API."""
    parameters = {
        "ApiAuth": "JWT",
        "ApiJwtIssuer": issuer.url,
        "ApiJwtAudience": AUDIENCE,
        "ApiCorsOrigins": f"{PAGE},https://other.example",
    }
    with LocalStack(parameters) as stack:
        yield stack.outputs["ResultsApiUrl"]


@pytest.mark.slow
def test_a_token_of_the_issuer_lets_in_and_nothing_else_does(with_tokens: str, issuer: Issuer) -> None:
    good, scopeless = issuer.token(), issuer.token(scope="dropscore/write")
    for target in ("drops", "drops/0123456789abcdef0123", "models", "nowhere"):
        url = with_tokens + target
        assert ask(url).status == HTTPStatus.UNAUTHORIZED
        assert ask(url, **signature(url, "123456789012", "local")).status == HTTPStatus.UNAUTHORIZED
        assert ask(url, authorization=f"Bearer {scopeless}").status == HTTPStatus.FORBIDDEN
        assert ask(url, authorization=f"Bearer {good}").status in {HTTPStatus.OK, HTTPStatus.NOT_FOUND}
    for claims in ({"exp": 1}, {"aud": "others"}, {"iss": "https://issuer.example"}):
        token = issuer.token(**claims)
        assert ask(f"{with_tokens}drops", authorization=f"Bearer {token}").status == HTTPStatus.UNAUTHORIZED
    assert [ask(with_tokens + target).status for target in ANYBODY] == [HTTPStatus.OK] * len(ANYBODY)


@pytest.mark.slow
def test_a_page_of_a_named_origin_may_read_with_a_token(with_tokens: str, issuer: Issuer) -> None:
    asking = {"access_control_request_method": "GET", "access_control_request_headers": "authorization"}
    leave = ask(f"{with_tokens}drops", "OPTIONS", origin=PAGE, **asking)
    answer = ask(f"{with_tokens}drops", origin=PAGE, authorization=f"Bearer {issuer.token()}")

    assert 200 <= leave.status < 300
    assert "authorization" in leave.headers["access-control-allow-headers"]
    for one in (leave, answer):
        assert one.headers["access-control-allow-origin"] == PAGE
    assert "access-control-allow-credentials" not in answer.headers
    assert "link" in answer.headers["access-control-expose-headers"]


@pytest.mark.slow
def test_a_page_of_another_origin_may_not(with_tokens: str, issuer: Issuer) -> None:
    token = f"Bearer {issuer.token()}"
    answer = ask(f"{with_tokens}drops", origin="https://evil.example", authorization=token)

    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_without_named_origins_no_page_of_another_origin_may_read(flow: Flow) -> None:
    url = flow.stack.outputs["ResultsApiUrl"]
    for answer in (
        ask(f"{url}health", origin=PAGE),
        ask(f"{url}drops", "OPTIONS", origin=PAGE, access_control_request_method="GET"),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control-")]
