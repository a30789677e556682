"""The model archive, model.tar.gz: the same model gives the same bytes; checked before it is registered."""

import gzip
import io
import json
import math
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dropscore.domain.errors import quoted
from dropscore.domain.spec import FeatureSpec, sha256_hex
from training.errors import PackageRefused
from training.model.image import LIBRARIES

MODEL = "model.joblib"
ORIGIN = "model.json"
METRICS = "metrics.json"
CODE = "code/inference.py"


@dataclass(frozen=True)
class Origin:
    """What a model was trained on and with: ``model.json`` and ``metrics.json`` of its archive.

    Attributes
    ----------
    features
        Names, in the order the model takes them.
    target
        The column it predicts.
    libraries
        Versions of ``python``, ``sklearn`` and ``numpy`` that trained it.
    metrics
        Its errors on the test data, in the target's unit; empty where the archive says nothing of them.
    feature_spec_sha256
        Of the feature spec it was trained with.
    data_sha256
        Of the files of its train and test channels.
    git_commit
        Of the working tree that trained it; None where there was none.
    """

    features: tuple[str, ...]
    target: str
    libraries: Mapping[str, str]
    metrics: Mapping[str, float]
    feature_spec_sha256: str
    data_sha256: str
    git_commit: str | None = None


def pack(model_dir: Path, archive: Path) -> Path:
    """Pack a model folder into a gzipped tar without names, owners or times of this machine.

    Parameters
    ----------
    model_dir
        What train.py wrote: its files become the archive's, under the same relative names, sorted.
    archive
        The file to write.

    Returns
    -------
    pathlib.Path
        ``archive``.
    """
    with (
        archive.open("wb") as raw,
        gzip.GzipFile("", "wb", 9, raw, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for path in sorted(path for path in model_dir.rglob("*") if path.is_file()):
            content = path.read_bytes()
            member = tarfile.TarInfo(path.relative_to(model_dir).as_posix())
            member.size, member.mode = len(content), 0o644
            tar.addfile(member, io.BytesIO(content))
    return archive


def check(archive: Path, spec_content: bytes) -> Origin:
    """Make sure that the container can serve an archive and that the spec is the one it was trained with.

    Parameters
    ----------
    archive
        A model.tar.gz.
    spec_content
        The feature spec that is to travel with it, as its file has it.

    Returns
    -------
    Origin
        What the archive says of itself.

    Raises
    ------
    PackageRefused
        No code, no model, requirements of its own, other libraries than the container's, or another spec.
    SpecError
        The feature spec is none.
    """
    spec = FeatureSpec.parse(spec_content)
    try:
        with tarfile.open(archive, "r:gz") as tar:
            names = {member.name.removeprefix("./") for member in tar.getmembers() if member.isfile()}
            _check_names(archive, names)
            origin = _origin(tar)
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, OSError) as error:
        raise PackageRefused(
            f"{archive.name} cannot be read as a gzipped tar ({error}): pack it again"
        ) from error
    except KeyError as error:
        raise PackageRefused(
            f"{ORIGIN} in {archive.name} lacks {error}, which train.py writes: train again"
        ) from error
    except (TypeError, ValueError) as error:
        raise PackageRefused(
            f"{ORIGIN} or {METRICS} in {archive.name} is not what train.py writes ({error}): train again"
        ) from error
    if dict(origin.libraries) != dict(LIBRARIES):
        raise PackageRefused(
            f"trained with {_listed(origin.libraries)}, the container has {_listed(LIBRARIES)}:"
            " train with those"
        )
    if (origin.features, origin.target) != (spec.features, spec.target):
        raise PackageRefused(
            f"the model takes {quoted(origin.features)} for {origin.target!r}, the feature spec says"
            f" {quoted(spec.features)} for {spec.target!r}: register the spec it was trained with"
        )
    if (found := sha256_hex(spec_content)) != origin.feature_spec_sha256:
        raise PackageRefused(
            f"the feature spec has sha256 {found[:12]}…, the model was trained with"
            f" {origin.feature_spec_sha256[:12]}…: it was changed since; register the spec it was"
            " trained with, or train again"
        )
    return origin


def _check_names(archive: Path, names: set[str]) -> None:
    """Refuse an archive that lacks what the container needs, or that would change the container."""
    for name in (CODE, MODEL, ORIGIN):
        if name not in names:
            raise PackageRefused(f"{archive.name} has no {name}: pack the whole folder that train.py wrote")
    if "code/requirements.txt" in names:
        raise PackageRefused(
            f"{archive.name} has code/requirements.txt, which may replace libraries: drop it"
        )


def _origin(tar: tarfile.TarFile) -> Origin:
    """Read ``model.json`` and ``metrics.json``; a metric that is undefined is left out."""
    fields = _content(tar, ORIGIN)
    measured = {name: float(value) for name, value in _content(tar, METRICS).items() if value is not None}
    metrics = {name: value for name, value in measured.items() if math.isfinite(value)}
    return Origin(
        features=tuple(fields["features"]),
        target=str(fields["target"]),
        libraries=dict(fields["libraries"]),
        metrics=metrics,
        feature_spec_sha256=str(fields["feature_spec_sha256"]),
        data_sha256=str(fields["data_sha256"]),
        git_commit=fields.get("git_commit"),
    )


def _content(tar: tarfile.TarFile, name: str) -> dict[str, Any]:
    """An archived JSON object, whether or not its name starts with ``./``; empty where it is not there."""
    member = next((found for found in tar.getmembers() if found.name.removeprefix("./") == name), None)
    content = tar.extractfile(member) if member else None
    return dict(json.load(content)) if content is not None else {}


def _listed(versions: Mapping[str, str]) -> str:
    """Library versions for a sentence."""
    return ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
