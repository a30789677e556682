"""inference.py as the container uses it: its four functions, on a model that training made."""

import importlib.util
import subprocess
import sys
import tarfile

import joblib
import numpy as np
import pytest
from sklearn.exceptions import InconsistentVersionWarning

CSV = "text/csv"


@pytest.fixture(scope="module")
def served(trained, tmp_path_factory):
    """The module from the archive's own code folder, and the folder that the archive was unpacked into."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(trained.archive) as tar:
        tar.extractall(folder, filter="data")
    loaded = importlib.util.spec_from_file_location(
        "inference_from_archive", folder / "code" / "inference.py"
    )
    module = importlib.util.module_from_spec(loaded)
    loaded.loader.exec_module(module)
    return module, folder


def answer(served, body, content_type=CSV, accept=CSV):
    module, folder = served
    rows = module.input_fn(body, content_type)
    return module.output_fn(module.predict_fn(rows, module.model_fn(str(folder))), accept)


def expected(served, rows):
    return joblib.load(served[1] / "model.joblib").predict(np.asarray(rows, dtype=np.float64))


def test_predictions_equal_scikit_learns_own(served):
    rows = np.random.default_rng(3).normal(0.0, 1e5, (500, 3))
    body = "\n".join(",".join(map(repr, row)) for row in rows.tolist())

    text, content_type = answer(served, body)

    assert content_type == CSV
    np.testing.assert_allclose([float(line) for line in text.split("\n")], expected(served, rows), rtol=1e-12)


@pytest.mark.parametrize(
    "body",
    [
        "16777217,2,3.5",
        "16777217,2,3.5\n",
        "\n\n16777217,2,3.5\r\n  \n",
        "\ufeff16777217,2,3.5",
        b"\xef\xbb\xbf16777217,2,3.5",
        '"16777217","2","3.5"',
        '"16777217",2,"3.5"\r\n',
        b'\n"16777217","2","3.5"\n\n',
    ],
)
def test_a_single_row_is_scored_in_float64_whatever_surrounds_it(served, body):
    text, _ = answer(served, body)

    assert float(text) == pytest.approx(expected(served, [[16777217.0, 2.0, 3.5]])[0], rel=1e-12)
    assert "\n" not in text


def test_one_prediction_a_line_in_shortest_form_and_no_newline_at_the_end(served):
    module, _ = served

    assert module.output_fn(np.array([0.1, 1e22, -2.0]), CSV) == ("0.1\n1e+22\n-2.0", CSV)


@pytest.mark.parametrize("content_type", ["text/csv; charset=utf-8", "TEXT/CSV"])
def test_content_type_may_carry_parameters(served, content_type):
    assert answer(served, b"1,2,3", content_type)[0]


@pytest.mark.parametrize("body", ["", "\n \n"])
def test_a_body_without_rows_gives_no_predictions(served, body):
    assert answer(served, body) == ("", CSV)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r\n\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_quoted_cells_are_read_as_others_are(served, end, last):
    rows = np.random.default_rng(4).normal(0.0, 1e5, (50, 3))
    plain = "\n".join(",".join(map(repr, row)) for row in rows.tolist())
    quoted = end.join(",".join(f'"{cell!r}"' for cell in row) for row in rows.tolist()) + end * last

    assert answer(served, quoted) == answer(served, plain)


@pytest.mark.parametrize(
    "body",
    [
        "1,2,3\n1,2",
        "1,2,x",
        "1,,3",
        "1,2",
        '1,2,"x"',
        '1,"",3',
        '"1,5",2,3',
        '1,2,"3',
        '"1\n2",3,4',
        '"1,2,3"',
    ],
)
def test_a_bad_line_is_an_error_and_not_a_wrong_prediction(served, body):
    with pytest.raises(
        ValueError, match=r"column|string|features|converting|quoted cell does not end in row 0"
    ):
        answer(served, body)


@pytest.mark.parametrize(("content_type", "accept"), [("application/json", CSV), (CSV, "application/json")])
def test_other_formats_are_refused(served, content_type, accept):
    with pytest.raises(ValueError, match="application/json"):
        answer(served, "1,2,3", content_type, accept)


@pytest.mark.parametrize("accept", ["*/*", "text/*;q=0.5, application/json", ""])
def test_whoever_admits_csv_gets_csv(served, accept):
    assert answer(served, "1,2,3", accept=accept)[1] == CSV


def test_a_model_of_another_scikit_learn_version_is_refused(served, monkeypatch):
    module, folder = served
    monkeypatch.setattr("sklearn.base.__version__", "1.8.0")

    with pytest.raises(InconsistentVersionWarning):
        module.model_fn(str(folder))


def test_it_needs_nothing_of_the_project(served):
    script = served[1] / "code" / "inference.py"
    program = (
        "import runpy, sys; runpy.run_path(sys.argv[1]); "
        "sys.exit(any(name.split('.')[0] in {'dropscore', 'training', 'local'} for name in sys.modules))"
    )

    subprocess.run([sys.executable, "-I", "-c", program, str(script)], check=True)
