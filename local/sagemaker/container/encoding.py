"""The container's stock decoders and encoders, with the stock ones' limits.

Source: aws/sagemaker-scikit-learn-container (``serving.py``) and its framework package, whose behaviour was
observed: CSV is squeezed to float32, one row becomes a vector, a content type with parameters has no decoder.
"""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np

from local.sagemaker.container.errors import NotAcceptableError, UnsupportedContentTypeError

CSV, JSON, NPY = "text/csv", "application/json", "application/x-npy"
TEXT_TYPES = frozenset({CSV, JSON})


def decode(body: str | bytes, content_type: str) -> Any:
    """Read a request body as an array: one row of CSV becomes a vector, which scikit-learn refuses."""
    if content_type == CSV:
        return np.genfromtxt(io.StringIO(str(body)), delimiter=",")
    if content_type == JSON:
        return np.array(json.loads(body))
    if content_type == NPY and isinstance(body, bytes):
        return np.load(io.BytesIO(body), allow_pickle=False)
    raise UnsupportedContentTypeError(f"Content type {content_type} is not supported by this framework.")


def encode(prediction: Any, accept: str) -> bytes:
    """Write a prediction: one a line as CSV, one array on one line as JSON."""
    if accept == CSV:
        text = io.StringIO()
        np.savetxt(text, np.asarray(prediction), delimiter=",", fmt="%s")
        return text.getvalue().encode()
    if accept == JSON:
        return json.dumps(np.asarray(prediction).tolist()).encode()
    if accept == NPY:
        binary = io.BytesIO()
        np.save(binary, np.asarray(prediction))
        return binary.getvalue()
    raise NotAcceptableError(f"Content type {accept} is not supported by this framework.")
