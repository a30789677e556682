"""Serve a scikit-learn regressor in SageMaker's scikit-learn container 1.9-0, in exact decimals.

The container calls the four functions below by name
(https://github.com/aws/sagemaker-scikit-learn-container, ``serving.py``). They replace the stock decoder,
which squeezes numbers to float32 and answers a single row, a blank line or a content type with a charset with
HTTP 500. This file runs inside the image and imports nothing from the project.
"""

import warnings
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import InconsistentVersionWarning

MODEL_FILE = "model.joblib"
CSV = "text/csv"
QUOTE = '"'


def model_fn(model_dir: str) -> Any:
    """Load the model, refusing one that another scikit-learn version saved.

    Parameters
    ----------
    model_dir
        Folder into which the container unpacked ``model.tar.gz``.

    Returns
    -------
    Any
        The fitted scikit-learn estimator.

    Raises
    ------
    sklearn.exceptions.InconsistentVersionWarning
        When the model was saved by another scikit-learn version than the one that runs here.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", InconsistentVersionWarning)
        return joblib.load(Path(model_dir, MODEL_FILE))


def input_fn(body: str | bytes, content_type: str) -> NDArray[np.float64]:
    """Decode CSV without a header into float64, one row a line; blank lines do not count.

    Cells may be in quotes: what batch transform writes after its filters is documented as RFC 4180 only.

    Parameters
    ----------
    body
        The request. ``text/csv`` arrives as ``str``, a content type with parameters as ``bytes``.
    content_type
        Must be ``text/csv``, with or without parameters.

    Returns
    -------
    numpy.ndarray
        Shape (rows, features), float64; shape (0, 0) when the body holds no rows.

    Raises
    ------
    ValueError
        For another content type, or a line that is ragged or not numeric, or in which a quoted cell does not
        end (the message names it).
    """
    if content_type.partition(";")[0].strip().lower() != CSV:
        raise ValueError(f"content type {content_type!r} is not supported: send {CSV}")
    text = body.decode("utf-8-sig") if isinstance(body, bytes) else body.removeprefix("\ufeff")
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return np.empty((0, 0), dtype=np.float64)
    quote = QUOTE if QUOTE in text else None
    if quote:
        require_ended_cells(lines)
    return np.loadtxt(lines, delimiter=",", quotechar=quote, dtype=np.float64, comments=None, ndmin=2)


def require_ended_cells(lines: list[str]) -> None:
    """Refuse a line in which a quoted cell does not end: numpy would go on with it in the next one."""
    for number, line in enumerate(lines):
        if line.count(QUOTE) % 2:
            raise ValueError(f"a quoted cell does not end in row {number}: {line[:100]!r}")


def predict_fn(rows: NDArray[np.float64], model: Any) -> NDArray[np.float64]:
    """Predict one number per row.

    Parameters
    ----------
    rows
        Shape (rows, features), float64, as ``input_fn`` makes them.
    model
        The estimator that ``model_fn`` loaded.

    Returns
    -------
    numpy.ndarray
        Shape (rows,), float64.

    Raises
    ------
    ValueError
        By scikit-learn, when the number of features is not the model's or a value is not finite.
    """
    if rows.shape[0] == 0:
        return np.empty(0, dtype=np.float64)
    return np.asarray(model.predict(rows), dtype=np.float64).reshape(-1)


def output_fn(predictions: NDArray[np.float64], accept: str) -> tuple[str, str]:
    """Encode predictions as CSV: one a line, the shortest decimal that reads back the same, no last newline.

    Batch transform adds a newline after every answer (``AssembleWith=Line``), so one of ours would leave a
    blank line behind.

    Parameters
    ----------
    predictions
        Shape (rows,), float64.
    accept
        What the caller accepts; anything that admits ``text/csv``.

    Returns
    -------
    tuple of str
        The body and its content type.

    Raises
    ------
    ValueError
        When the caller accepts no CSV.
    """
    accepted = {part.partition(";")[0].strip().lower() for part in (accept or CSV).split(",")}
    if not accepted & {CSV, "text/*", "*/*"}:
        raise ValueError(f"accept {accept!r} cannot be served: ask for {CSV}")
    return "\n".join(map(repr, predictions.tolist())), CSV
