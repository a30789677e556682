"""The built functions as they are uploaded."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from local.artifact import fingerprint, pack


def build(folder: Path) -> Path:
    (folder / "package" / "__pycache__").mkdir(parents=True)
    (folder / "package" / "module.py").write_text("x = 1")
    (folder / "package" / "__pycache__" / "module.cpython-312.pyc").write_bytes(b"compiled")
    return folder


def test_an_artifact_is_packed_as_it_was_built_with_its_byte_code(tmp_path: Path) -> None:
    pack(build(tmp_path / "built"), tmp_path / "code.zip")

    with zipfile.ZipFile(tmp_path / "code.zip") as packed:
        assert packed.namelist() == [
            "package/module.py",
            "package/__pycache__/module.cpython-312.pyc",
        ]
        assert {entry.compress_type for entry in packed.infolist()} == {zipfile.ZIP_STORED}


def test_copies_of_one_artifact_are_known_to_be_one(tmp_path: Path) -> None:
    built = build(tmp_path / "built")
    copy = shutil.copytree(built, tmp_path / "copy")
    other = shutil.copytree(built, tmp_path / "other")
    (other / "package" / "module.py").write_text("x = 2")

    assert fingerprint(built) == fingerprint(copy) != fingerprint(other)
