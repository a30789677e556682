"""The model's own code: which functions it may bring, and what stands in for those it does not."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from local.sagemaker.container.encoding import JSON, TEXT_TYPES, decode, encode
from local.sagemaker.container.errors import ContainerError, InstallModuleError

PROGRAM, SUBMIT_DIRECTORY = "SAGEMAKER_PROGRAM", "SAGEMAKER_SUBMIT_DIRECTORY"
DEFAULT_ACCEPT = "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT"
NO_BUILD_ISOLATION = "PIP_NO_BUILD_ISOLATION"
INSTALL = "python -m pip install ."
# How pip spells false (``strtobool`` in pypa/pip); anything else leaves the isolation on, or is refused.
_PIP_FALSE = frozenset({"n", "no", "f", "false", "off", "0"})


@dataclass(frozen=True)
class Answer:
    """A response body and its type."""

    body: bytes
    content_type: str


class ServedModel:
    """A loaded model and the functions that stand between requests and it."""

    def __init__(self, module: ModuleType, model_folder: Path) -> None:
        self._transform = getattr(module, "transform_fn", None)
        given = [getattr(module, name, None) for name in ("input_fn", "predict_fn", "output_fn")]
        if self._transform and any(given):
            raise ContainerError(
                "Cannot use transform_fn implementation with input_fn, predict_fn, and/or output_fn"
            )
        self._input, self._predict, self._output = _or_stock(given)
        load = getattr(module, "model_fn", None)
        if load is None:
            raise ContainerError("Please provide a model_fn implementation.")
        self._model = load(str(model_folder))

    def answer(self, body: bytes, content_type: str, accept: str) -> Answer:
        """Answer a request; the body of a text type reaches the model's code as ``str``."""
        content_type = content_type or JSON
        if accept in {"", "*/*"}:
            accept = os.environ.get(DEFAULT_ACCEPT, JSON)
        content = body.decode() if content_type in TEXT_TYPES else body
        if self._transform:
            return _as_answer(self._transform(self._model, content, content_type, accept), accept)
        prediction = self._predict(self._input(content, content_type), self._model)
        return _as_answer(self._output(prediction, accept), accept)


def _or_stock(given: list[Callable[..., Any] | None]) -> tuple[Callable[..., Any], ...]:
    stock = (_stock_input, _stock_predict, encode)
    return tuple(own or default for own, default in zip(given, stock, strict=True))


def _stock_input(body: str | bytes, content_type: str) -> Any:
    decoded = decode(body, content_type)
    return decoded.astype(np.float32) if content_type in TEXT_TYPES else decoded


def _stock_predict(data: Any, model: Any) -> Any:
    return model.predict(data)


def _as_answer(result: Any, accept: str) -> Answer:
    """What output_fn returned: a body, a body with its type, or a framework response."""
    content_type = accept
    if isinstance(result, tuple):
        result, content_type = result
    elif hasattr(result, "get_data"):
        content_type, result = result.mimetype, result.get_data()
    body = result.encode() if isinstance(result, str) else bytes(result)
    return Answer(body, content_type)


def require_installable(model_folder: Path, environment: Mapping[str, str]) -> None:
    """Do what the container does before it serves: install the model's code, with pip and without a network.

    Nothing is installed here, since each start would take seconds. What pip (25.3 and later) would do is
    concluded from the environment: it builds in isolation, for which it asks an index for setuptools, unless
    ``PIP_NO_BUILD_ISOLATION`` is false; and it asks an index for what ``code/requirements.txt`` names, which
    may replace the image's libraries. ``tests/local/test_install_step.py`` compares this with pip itself.

    Raises
    ------
    InstallModuleError
        When pip would need an index.
    """
    if not environment.get(PROGRAM):
        return
    needed = []
    if environment.get(NO_BUILD_ISOLATION, "").lower() not in _PIP_FALSE:
        needed.append(f"setuptools, to build in isolation: {NO_BUILD_ISOLATION} is not 0")
    if (_code_folder(model_folder, environment) / "requirements.txt").exists():
        needed.append("what requirements.txt names; the image's libraries are all that the code may use")
    if needed:
        raise InstallModuleError(
            f'InstallModuleError:\nCommand "{INSTALL}"\nERROR: there is no network here to get '
            + "; ".join(needed)
        )


def _code_folder(model_folder: Path, environment: Mapping[str, str]) -> Path:
    return Path(environment.get(SUBMIT_DIRECTORY) or model_folder / "code")


def load_model(model_folder: Path) -> ServedModel:
    """Import the model's program and load the model.

    Raises
    ------
    ContainerError
        When the environment does not say which program, or it is not there.
    """
    program = os.environ.get(PROGRAM)
    if not program:
        raise ContainerError(
            f"{PROGRAM} is not set: the container does not know which script serves the model"
        )
    code = _code_folder(model_folder, os.environ)
    if not (code / program).is_file():
        raise ContainerError(f"{program} is not in {SUBMIT_DIRECTORY} ({code})")
    sys.path.insert(0, str(code))
    return ServedModel(importlib.import_module(program.removesuffix(".py")), model_folder)
