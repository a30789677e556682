"""What the demo drops: the keys of a file and of a folder's files."""

import os
from pathlib import PurePosixPath

import pytest

from dropscore.domain.source import NoDrop
from local.demo.files import DemoInputError, file_key, find_drops

HIVE = "company_id=1/sensor_id=422/7e94.parquet"


@pytest.mark.parametrize(
    ("path", "key"),
    [
        (f"/home/me/prtg/data/snmpcpu/{HIVE}", f"data/snmpcpu/{HIVE}"),
        (f"/srv/data/prtg-open-dataset/data/snmpcpu/{HIVE}", f"data/snmpcpu/{HIVE}"),
        (f"/srv/sensors/{HIVE}", HIVE),
        ("/srv/a=1/plain/b=2/x.parquet", "b=2/x.parquet"),
        ("/srv/data/x.parquet", "x.parquet"),
        ("/srv/data/x=1.parquet", "x=1.parquet"),
        ("/data/a=1/./b/../c=2/x.parquet", "data/a=1/c=2/x.parquet"),
    ],
)
def test_a_file_goes_under_the_hive_part_of_its_path_else_under_its_name(path, key):
    assert file_key(PurePosixPath(path)) == key


def test_a_folder_gives_every_parquet_file_below_it_in_any_case_under_its_relative_key(tmp_path):
    names = [
        "b/x=1/two words+%41'é.PARQUET",
        "a.parquet",
        "c/_x=1/a.Parquet",
        "c/.hidden.parquet",
        "note.txt",
        "d.parquet.tmp",
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.parquet").mkdir()

    found = find_drops(tmp_path)

    assert [drop.key for drop in found.drops] == sorted(names[:3])
    assert all(drop.path == tmp_path / drop.key for drop in found.drops)
    assert {reason: sorted(keys) for reason, keys in found.no_drops.items()} == {
        NoDrop.HIDDEN: ["c/.hidden.parquet"],
        NoDrop.SUFFIX: ["d.parquet.tmp", "note.txt"],
    }
    assert sorted(found.say_no_drops())[1] == (
        "no drops: 2 (suffix: its key does not end in .parquet), such as 'd.parquet.tmp'"
    )


def test_a_folder_that_has_hidden_folders_above_it_gives_its_files(tmp_path):
    """The keys count, and they begin below the folder."""
    folder = tmp_path / ".cache" / "_temporary"
    folder.mkdir(parents=True)
    (folder / "a.parquet").touch()

    assert [drop.key for drop in find_drops(folder).drops] == ["a.parquet"]
    assert [drop.key for drop in find_drops(folder / "a.parquet").drops] == ["a.parquet"]


def test_a_name_that_is_not_utf_8_or_steers_a_terminal_can_be_said(tmp_path):
    (tmp_path / "a.parquet").touch()
    with open(os.fsencode(tmp_path) + b"/\x1b[2J\xe9.txt", "wb"):  # noqa: PTH123 - a name that is not UTF-8
        pass

    (line,) = find_drops(tmp_path).say_no_drops()

    assert line.encode().decode().isprintable()


def test_a_folder_of_no_drops_says_why_they_are_none(tmp_path):
    for name in ("_temporary/0/a.parquet", "unload"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    with pytest.raises(DemoInputError, match=r"no drops: 1 \(hidden: .*_temporary/0/a.parquet.*\(suffix"):
        find_drops(tmp_path)
    (tmp_path / "_x.parquet").touch()
    with pytest.raises(DemoInputError, match="a part of its key begins with _"):
        find_drops(tmp_path / "_x.parquet")


def test_what_cannot_be_dropped_is_said_in_one_line(tmp_path):
    (tmp_path / "note.txt").touch()
    (tmp_path / ("x" * 200)).mkdir()
    deep = tmp_path / "deep" / "/".join(["n" * 200] * 6)
    deep.mkdir(parents=True)
    (deep / "x.parquet").touch()
    os.mkdir(os.fsencode(tmp_path) + b"/latin")  # noqa: PTH102 - a name that is not UTF-8
    with open(os.fsencode(tmp_path) + b"/latin/\xe9.parquet", "wb"):  # noqa: PTH123 - the same
        pass

    for given, said in (
        (tmp_path / "none", "does not exist"),
        (tmp_path / "note.txt", "does not end in .parquet"),
        (tmp_path / ("x" * 200), "ends in .parquet"),
        (tmp_path / "deep", "S3 takes 1024"),
        (tmp_path / "latin", "not UTF-8"),
    ):
        with pytest.raises(DemoInputError, match=said) as caught:
            find_drops(given)
        assert "\n" not in str(caught.value)
