"""The serving contract of the scikit-learn container, as the stand-in keeps it."""

from __future__ import annotations

import io
import json
import os
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from local.sagemaker.container.errors import ContainerError
from local.sagemaker.container.model_code import DEFAULT_ACCEPT, load_model
from local.sagemaker.instance import container_client
from local.sagemaker.instance.container_client import Container
from local.sagemaker.instance.errors import AlgorithmFault, ClientFault
from tests.local.builders import ENVIRONMENT, SUMMING, model_archive

STOCK = """
import joblib, os
def model_fn(folder):
    return joblib.load(os.path.join(folder, "model.joblib"))
"""
TELLTALE = """
import importlib.util, json, os
def model_fn(folder):
    return folder
def input_fn(body, content_type):
    return body
def predict_fn(body, folder):
    names = ("training", "dropscore", "sklearn")
    return {"type": type(body).__name__, "body": body, "folder": os.listdir(folder), "process": os.getpid(),
            "submit": os.environ["SAGEMAKER_SUBMIT_DIRECTORY"], "mine": os.environ.get("MINE"),
            "aws": [name for name in os.environ if name.startswith("AWS_")],
            "found": [name for name in names if importlib.util.find_spec(name)]}
def output_fn(prediction, accept):
    return json.dumps(prediction)
"""


@contextmanager
def serving(folder: Path, code: str, environment: dict[str, str], **files: bytes) -> Iterator[Container]:
    with Container(folder, environment, timeout=20, retries=0) as container:
        unpack(folder, code, **files)
        container.load()
        yield container


def unpack(folder: Path, code: str, **files: bytes) -> Path:
    with tarfile.open(fileobj=io.BytesIO(model_archive(code, **files))) as archive:
        archive.extractall(folder / "model", filter="data")
    return folder / "model"


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    """A container of a model that doubles its first feature, served by the stock functions."""
    with serving_stock(tmp_path_factory.mktemp("stock"), ENVIRONMENT) as container:
        yield container


@contextmanager
def serving_stock(folder: Path, environment: dict[str, str]) -> Iterator[Container]:
    packed = io.BytesIO()
    joblib.dump(
        LinearRegression().fit(np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 1.0]]), [0.0, 2.0, 4.0]), packed
    )
    with serving(folder, STOCK, environment, **{"model.joblib": packed.getvalue()}) as container:
        yield container


def test_the_models_own_functions_answer_in_the_containers_surroundings(tmp_path: Path) -> None:
    with serving(tmp_path, TELLTALE, {**ENVIRONMENT, "MINE": "yes"}) as container:
        seen = json.loads(container.invoke(b"1,2\n", "text/csv", "application/json"))

    assert (seen["type"], seen["body"]) == ("str", "1,2\n")
    assert seen["folder"] == ["code"]
    assert seen["submit"].endswith("/model/code")
    assert seen["mine"] == "yes"
    assert seen["aws"] == []
    assert seen["found"] == ["sklearn"]
    with pytest.raises(ProcessLookupError):
        os.kill(seen["process"], 0)


def test_the_stock_decoder_squeezes_to_float32(stock: Container) -> None:
    answer = stock.invoke(b"16777217,0\n16777217,0\n", "text/csv", "text/csv")

    assert [round(float(line)) for line in answer.split()] == [33554432, 33554432]


def test_any_accept_answers_one_json_array_unless_the_environment_says_csv(
    stock: Container, tmp_path: Path
) -> None:
    environment = {name: value for name, value in ENVIRONMENT.items() if name != DEFAULT_ACCEPT}
    with serving_stock(tmp_path, environment) as container:
        answer = container.invoke(b"1,0\n2,0\n", "text/csv", "*/*")

    assert answer.startswith(b"[")
    assert b"\n" not in answer
    assert stock.invoke(b"1,0\n2,0\n", "text/csv", "*/*").count(b"\n") == 2


@pytest.mark.parametrize(
    "body",
    [b"1,2\n", b"", b"1,\n2,3\n", b"1,2\n3\n", b"a,b\n1,2\n", b"\xef\xbb\xbf1,2\n3,4\n"],
    ids=["one row", "nothing", "an empty cell", "a ragged row", "a header", "a byte order mark"],
)
def test_what_the_stock_decoder_cannot_take_is_the_algorithms_fault(stock: Container, body: bytes) -> None:
    with pytest.raises(AlgorithmFault, match="500"):
        stock.invoke(body, "text/csv", "text/csv")


@pytest.mark.parametrize(
    ("content_type", "accept", "status"),
    [("text/csv; charset=utf-8", "text/csv", "415"), ("text/csv", "text/html", "406")],
)
def test_a_type_without_a_codec_is_the_clients_fault(
    stock: Container, content_type: str, accept: str, status: str
) -> None:
    with pytest.raises(ClientFault, match=status):
        stock.invoke(b"1,0\n2,0\n", content_type, accept)


@pytest.mark.parametrize(
    ("code", "environment", "files", "reason"),
    [
        ("", ENVIRONMENT, {}, "model_fn"),
        (SUMMING, {}, {}, "SAGEMAKER_PROGRAM is not set"),
        (SUMMING, {**ENVIRONMENT, "SAGEMAKER_PROGRAM": "other.py"}, {}, "other.py is not in"),
        ("def transform_fn(*a): pass\n" + SUMMING, ENVIRONMENT, {}, "transform_fn"),
    ],
)
def test_a_model_that_the_container_cannot_serve_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    environment: dict[str, str],
    files: dict[str, bytes],
    reason: str,
) -> None:
    model = unpack(tmp_path, code, **files)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name, value in environment.items():
        monkeypatch.setenv(name, value.replace("/opt/ml/model", str(model)))

    with pytest.raises(ContainerError, match=reason):
        load_model(model)
    sys.modules.pop("inference", None)


def test_a_model_that_is_refused_does_not_answer_the_ping(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container_client.Container.load, "__defaults__", (2.5,))

    with pytest.raises(AlgorithmFault, match="ping"), serving(tmp_path, SUMMING, {}):
        pass


def test_a_container_that_ends_is_not_waited_for(tmp_path: Path) -> None:
    with (
        pytest.raises(AlgorithmFault, match="ping"),
        serving(tmp_path, "import os\nos._exit(1)\n", ENVIRONMENT),
    ):
        pass


def test_an_answer_that_does_not_come_is_the_algorithms_fault(tmp_path: Path) -> None:
    impatient = {**ENVIRONMENT, "SAGEMAKER_MODEL_SERVER_TIMEOUT": "0.5"}
    code = SUMMING + "\nimport time\ndef predict_fn(rows, model):\n    time.sleep(30)\n"

    with (
        serving(tmp_path, code, impatient) as container,
        pytest.raises(AlgorithmFault, match="Unable to get response"),
    ):
        container.invoke(b"1,2\n", "text/csv", "text/csv")
