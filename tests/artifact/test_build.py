"""How the artifact is built: without what is left out, once, the same wherever it is, or not at all."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import artifact
from tests.artifact.built import REPOSITORY

LEFT_OUT = """
[[left_out]]
because = "nobody runs it"
files = ["toy/tests/*", "bin/*"]
"""
PACKAGE = {
    "toy/__init__.py": "x = {'b', 'a', 'c'}",
    "toy/tests/test_toy.py": "",
    "toy-1.dist-info/METADATA": "Name: toy",
    "toy-1.dist-info/licenses/LICENSE": "free",
    "bin/toy": "#!/usr/bin/python3.12",
}


def lay_out(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project at `here` whose one requirement is a wheel that is made up; the folder of its functions."""
    functions = here / "functions"
    (functions / "dropscore").mkdir(parents=True)
    (functions / "dropscore" / "__init__.py").write_text("y = 1")
    (functions / "requirements.txt").write_text("toy==1")
    (functions / "left_out.toml").write_text(LEFT_OUT)
    program = shutil.copy(artifact.__file__, functions)
    at = {
        "FUNCTIONS": "",
        "CODE": "dropscore",
        "REQUIREMENTS": "requirements.txt",
        "LEFT_OUT": "left_out.toml",
    }
    for name, path in at.items():
        monkeypatch.setattr(artifact, name, functions / path)
    monkeypatch.setattr(artifact, "PARTS", here / ".aws-sam" / "parts")
    monkeypatch.setattr(artifact, "__file__", program)
    monkeypatch.setattr(artifact, "_uv", install)
    return functions


def install(*arguments: str) -> None:
    """uv, as far as it is needed: puts the package where it is asked for, and its own notes beside it."""
    folder = Path(arguments[arguments.index("--target") + 1])
    notes = {"toy-1.dist-info/RECORD": str(folder), "toy-1.dist-info/INSTALLER": "uv", ".lock": ""}
    for name, text in (PACKAGE | notes).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def contents(folder: Path) -> dict[str, tuple[bytes, int, float]]:
    """What Lambda gets: of each file its bytes, its mode and its time."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mode, path.stat().st_mtime)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_artifact_has_the_code_and_the_packages_without_what_is_left_out(tmp_path, monkeypatch):
    lay_out(tmp_path, monkeypatch)

    artifact.build(tmp_path / "built")

    assert sorted(name for name in contents(tmp_path / "built") if "__pycache__" not in name) == [
        "dropscore/__init__.py",
        "toy-1.dist-info/METADATA",
        "toy-1.dist-info/licenses/LICENSE",
        "toy/__init__.py",
    ]


def test_it_is_the_same_wherever_it_is_built(tmp_path, monkeypatch):
    built = []
    for place in ("here", "over/there"):
        functions = lay_out(tmp_path / place, monkeypatch)
        os.utime(functions / "dropscore" / "__init__.py", (1, 1))
        artifact.build(tmp_path / place / "built")
        built.append(contents(tmp_path / place / "built"))

    assert built[0] == built[1]
    assert {stat.S_IMODE(mode) for _, mode, _ in built[0].values()} == {0o444}


def test_every_further_function_gets_links_to_the_same_files(tmp_path, monkeypatch):
    lay_out(tmp_path, monkeypatch)
    for name in ("first", "second"):
        artifact.build(tmp_path / name)
        monkeypatch.setattr(artifact, "_uv", lambda *_: pytest.fail("nothing has to be installed again"))

    first, second = (tmp_path / name / "toy" / "__init__.py" for name in ("first", "second"))
    assert first.samefile(second)


@pytest.mark.parametrize("changed", ["dropscore/__init__.py", "left_out.toml", "requirements.txt"])
def test_what_has_changed_is_built_anew_and_the_old_part_is_removed(tmp_path, monkeypatch, changed):
    functions = lay_out(tmp_path, monkeypatch)
    artifact.build(tmp_path / "before")
    parts = {path.name for path in artifact.PARTS.iterdir()}

    with (functions / changed).open("a") as file:
        file.write("\n# another")
    artifact.build(tmp_path / "after")

    kept = {path.name for path in artifact.PARTS.iterdir()}
    assert len(kept) == 2
    assert len(kept & parts) == 1


def test_a_pattern_that_matches_nothing_fails_the_build_and_leaves_no_part(tmp_path, monkeypatch):
    functions = lay_out(tmp_path, monkeypatch)
    (functions / "left_out.toml").write_text(LEFT_OUT.replace("toy/tests/*", "toy/test/*"))

    with pytest.raises(SystemExit, match=r"left_out.toml leaves out what no package has: toy/test/\*"):
        artifact.build(tmp_path / "built")

    assert not list(artifact.PARTS.glob("packages-*"))


def test_a_build_without_its_packages_fails_loudly(tmp_path):
    for name in ("functions", "requirements"):
        shutil.copytree(REPOSITORY / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / ".venv-uv").symlink_to(REPOSITORY / ".venv-uv")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3.12").symlink_to(sys.executable)

    ran = subprocess.run(
        ["make", "--makefile", tmp_path / "functions" / "Makefile", "build-SweepFunction"],  # noqa: S607 - as SAM does it
        env={
            "PIP_NO_INDEX": "1",
            "PIP_CONFIG_FILE": os.devnull,
            "UV_CACHE_DIR": str(tmp_path / "cache"),
            "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
            "ARTIFACTS_DIR": str(tmp_path / "built"),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )

    assert ran.returncode != 0
    assert "uv could not install requirements.txt" in ran.stderr
    assert not (tmp_path / "built").exists()


def test_whatever_is_left_out_is_left_out_for_a_reason():
    rules = tomllib.loads(artifact.LEFT_OUT.read_text())["left_out"]
    assert all(rule.keys() == {"because", "files"} and rule["because"] and rule["files"] for rule in rules)
