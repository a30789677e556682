"""What `make build` leaves behind: one artifact, small, and nothing missing that has to be there."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from samcli.yamlhelper import yaml_parse

from artifact import left_out
from local.artifact import fingerprint
from local.template import FUNCTION
from tests.artifact.built import BUILD, FUNCTIONS, files, folder, properties

LIMIT = 150_000_000
"""Ours; Lambda's is 262,144,000, unzipped ("Lambda quotas", developer guide)."""


def test_these_are_all_functions_of_the_template():
    template = yaml_parse((BUILD / "template.yaml").read_text())
    functions = [name for name, each in template["Resources"].items() if each["Type"] == FUNCTION]
    assert sorted(functions) == sorted(FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_artifact_is_small_and_holds_the_handler(name):
    assert sum(path.stat().st_size for path in files(name)) <= LIMIT
    module = properties(name)["Handler"].rpartition(".")[0]
    assert folder(name).joinpath(*module.split(".")).with_suffix(".py").is_file()


def test_all_functions_have_the_same_artifact_which_takes_the_disk_of_one():
    assert len({fingerprint(folder(name)) for name in FUNCTIONS}) == 1
    library = "pyarrow/libarrow.so.*"
    assert len({path.stat().st_ino for name in FUNCTIONS for path in folder(name).glob(library)}) == 1


def test_nothing_is_in_it_that_is_left_out():
    names = [str(path.relative_to(folder())) for path in files()]
    assert [name for name in names if any(fnmatchcase(name, pattern) for pattern in left_out())] == []


def test_each_package_keeps_its_metadata_and_its_licence():
    packages = sorted(folder().glob("*.dist-info"))
    assert len(packages) >= 9
    for package in packages:
        assert (package / "METADATA").is_file()
        assert [path for path in package.rglob("*") if "LICEN" in path.name.upper()], package.name


def test_every_module_is_compiled_and_no_byte_code_is_checked_against_times():
    """A file's time is lost on the way to Lambda; 0b01 says: by hash, 0b11: checked (PEP 552)."""
    for path in (path for path in files() if path.suffix == ".py"):
        compiled = path.parent / "__pycache__" / f"{path.stem}.cpython-312.pyc"
        kind = compiled.read_bytes()[4]
        assert kind == (0b11 if path.is_relative_to(folder() / "dropscore") else 0b01), path
