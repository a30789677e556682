"""The model archive: the same bytes for the same model, and refused where it could not be served."""

import io
import json
import math
import os
import shutil
import tarfile
from dataclasses import replace

import pytest

from dropscore.domain.spec import FeatureSpec, sha256_hex
from tests.training.builders import SPEC
from training.errors import PackageRefused
from training.model.archive import check, pack
from training.model.image import LIBRARIES


def with_members(archive, target, change):
    """Copy an archive; `change` maps names to new contents (None leaves the member out)."""
    with tarfile.open(archive) as source, tarfile.open(target, "w:gz") as copy:
        contents = {member.name: source.extractfile(member).read() for member in source.getmembers()}
        for name, content in {**contents, **change}.items():
            if content is not None:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                copy.addfile(member, io.BytesIO(content))
    return target


def spec_of(trained):
    return trained.spec.read_bytes()


def test_packing_the_same_model_twice_gives_the_same_bytes(trained, tmp_path):
    model = trained.archive.parent / "model"
    copy = shutil.copytree(model, tmp_path / "elsewhere", copy_function=shutil.copyfile)
    for path in copy.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o755)

    packed = pack(copy, tmp_path / "other.tar.gz")

    assert packed.read_bytes() == trained.archive.read_bytes()
    with tarfile.open(packed) as tar:
        assert {(m.mtime, m.uid, m.gid, m.uname, m.mode) for m in tar.getmembers()} == {(0, 0, 0, "", 0o644)}
    no_time, no_name = packed.read_bytes()[4:8], packed.read_bytes()[3]
    assert (no_time, no_name) == (b"\0\0\0\0", 0)


def test_a_trained_model_passes_and_says_what_it_was_trained_with(trained):
    origin = check(trained.archive, spec_of(trained))

    assert (origin.features, origin.target) == (SPEC.features, "target")
    assert origin.libraries == LIBRARIES
    assert origin.feature_spec_sha256 == sha256_hex(spec_of(trained))
    channels = [(trained.spec.parent / name / f"{name}.csv").read_bytes() for name in ("train", "test")]
    assert origin.data_sha256 == sha256_hex(b"".join(channels))


def test_a_spec_that_was_changed_after_training_is_refused(trained):
    changed = replace(FeatureSpec.parse(spec_of(trained)), timezone="Europe/Berlin")

    with pytest.raises(PackageRefused, match="it was changed since"):
        check(trained.archive, changed.to_bytes())


def test_a_trained_model_says_how_well_it_does_as_far_as_that_is_defined(trained, tmp_path):
    said = json.dumps({"AE-mean": 0.25, "R2": None, "RMSE": math.inf}).encode()
    changed = with_members(trained.archive, tmp_path / "changed.tar.gz", {"metrics.json": said})
    silent = with_members(trained.archive, tmp_path / "silent.tar.gz", {"metrics.json": None})

    measured = {name: value for name, value in trained.metrics.items() if value is not None}
    assert check(trained.archive, spec_of(trained)).metrics == measured
    assert check(changed, spec_of(trained)).metrics == {"AE-mean": 0.25}
    assert check(silent, spec_of(trained)).metrics == {}


def test_names_may_start_with_a_dot(trained, tmp_path):
    with tarfile.open(trained.archive) as tar:
        tar.extractall(tmp_path / "model", filter="data")
    with tarfile.open(tmp_path / "dotted.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "model", ".")

    assert check(tmp_path / "dotted.tar.gz", spec_of(trained)).libraries == LIBRARIES


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"code/inference.py": None}, "has no code/inference.py"),
        ({"model.joblib": None}, "has no model.joblib"),
        ({"model.json": None}, "has no model.json"),
        ({"metrics.json": b"[]]"}, "model.json or metrics.json in model.tar.gz is not what train.py writes"),
        ({"code/requirements.txt": b"numpy\n"}, "code/requirements.txt"),
        ({"model.json": b"{}"}, "model.json in model.tar.gz lacks 'features'"),
        (
            {"model.json": b"no json"},
            "model.json or metrics.json in model.tar.gz is not what train.py writes",
        ),
    ],
)
def test_an_archive_that_the_container_could_not_serve_is_refused(trained, tmp_path, change, said):
    archive = with_members(trained.archive, tmp_path / "model.tar.gz", change)

    with pytest.raises(PackageRefused, match=said):
        check(archive, spec_of(trained))


@pytest.mark.parametrize("library", ["python", "sklearn", "numpy"])
def test_other_libraries_than_the_containers_are_refused_by_name(trained, tmp_path, library):
    origin = {
        "features": SPEC.features,
        "target": "target",
        "libraries": {**LIBRARIES, library: "0.9"},
        "feature_spec_sha256": "",
        "data_sha256": "",
    }
    change = {"model.json": json.dumps(origin).encode()}
    archive = with_members(trained.archive, tmp_path / "model.tar.gz", change)

    with pytest.raises(PackageRefused, match=f"{library} 0.9.*{library} {LIBRARIES[library]}"):
        check(archive, spec_of(trained))


@pytest.mark.parametrize(
    "spec", [replace(SPEC, features=("hour", "minutes", "load")), replace(SPEC, target="load")]
)
def test_a_spec_that_the_model_was_not_trained_with_is_refused(trained, spec):
    with pytest.raises(PackageRefused, match="register the spec it was trained with"):
        check(trained.archive, spec.to_bytes())


def test_what_is_no_archive_is_refused(tmp_path):
    (tmp_path / "model.tar.gz").write_bytes(b"PK\x03\x04 not a tar")

    with pytest.raises(PackageRefused, match="cannot be read as a gzipped tar"):
        check(tmp_path / "model.tar.gz", SPEC.to_bytes())
