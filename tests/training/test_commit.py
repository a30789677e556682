"""The git commit of the working tree that trained: exact, or none."""

import os
import subprocess

import pytest

from training.model.run import git_commit


@pytest.fixture
def tree(tmp_path):
    def git(*arguments):
        identity = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_CONFIG_GLOBAL": os.devnull}
        identity |= {"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
        done = subprocess.run(
            ["git", "-C", tmp_path, *arguments],  # noqa: S607 - as the code under test does
            env={**os.environ, **identity},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    git("init")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "-m", "one")
    return tmp_path, git("rev-parse", "HEAD")


def test_a_clean_tree_gives_its_commit(tree):
    folder, commit = tree

    assert git_commit(folder) == commit


@pytest.mark.parametrize("name", ["file", "another"])
def test_a_change_that_is_not_committed_is_told(tree, name):
    folder, commit = tree
    (folder / name).write_text("two")

    assert git_commit(folder) == f"{commit}-dirty"


def test_no_commit_outside_git_nor_within_another_projects_tree(tree, tmp_path_factory):
    folder, _ = tree
    (folder / "downloaded").mkdir()

    assert git_commit(folder / "downloaded") is None
    assert git_commit(tmp_path_factory.mktemp("plain")) is None


def test_no_commit_without_git(tree, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")

    assert git_commit(tree[0]) is None
