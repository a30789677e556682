"""The container's install step: `python -m pip install .` on the model's code, at every start."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dropscore.domain.model import SERVING_ENVIRONMENT
from local.sagemaker.container.errors import InstallModuleError
from local.sagemaker.container.model_code import require_installable
from local.sagemaker.instance.container_client import Container
from local.sagemaker.instance.errors import InstallFault
from tests.local.builders import (
    ENVIRONMENT,
    ENVIRONMENT_BEFORE,
    SHARD,
    SUMMING,
    create_model,
    model_archive,
    outputs_of,
    put_shards,
    run_job,
)
from tests.local.test_container import serving, unpack

OF_PIP = {"PIP_NO_BUILD_ISOLATION", "PIP_NO_INDEX"}
NO_INDEX = {"PIP_NO_INDEX": "1"}
CASES = [
    pytest.param({}, False, id="as before"),
    pytest.param(NO_INDEX, False, id="no index alone"),
    pytest.param({"PIP_NO_BUILD_ISOLATION": "0"}, True, id="no isolation alone"),
    pytest.param({name: SERVING_ENVIRONMENT[name] for name in OF_PIP}, True, id="as registered"),
    pytest.param({**NO_INDEX, "PIP_NO_BUILD_ISOLATION": "1"}, False, id="1 leaves the isolation on"),
    pytest.param({**NO_INDEX, "PIP_NO_BUILD_ISOLATION": "false"}, True, id="false is 0"),
    pytest.param({**NO_INDEX, "PIP_NO_BUILD_ISOLATION": ""}, False, id="nothing is no value"),
    pytest.param({**NO_INDEX, "PIP_NO_BUILD_ISOLATION": "none"}, False, id="not a value"),
]
"""What pip is told, and whether it installs code without a network."""


def installs(folder: Path, environment: dict[str, str]) -> bool:
    """Whether the stand-in says that the code in a folder can be installed."""
    try:
        require_installable(
            folder, {**ENVIRONMENT_BEFORE, "SAGEMAKER_SUBMIT_DIRECTORY": str(folder), **environment}
        )
    except InstallModuleError:
        return False
    return True


@pytest.mark.parametrize(("environment", "installed"), CASES)
def test_code_is_installed_only_where_pip_needs_no_index(
    tmp_path: Path, environment: dict[str, str], installed: bool
) -> None:
    assert installs(tmp_path, environment) is installed


def test_requirements_need_an_index_whatever_the_environment_says(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("numpy<2\n")

    assert not installs(tmp_path, dict(SERVING_ENVIRONMENT))


def test_without_a_program_nothing_is_installed(tmp_path: Path) -> None:
    require_installable(tmp_path, {})


def test_a_container_that_cannot_install_ends_and_says_so(tmp_path: Path) -> None:
    with Container(tmp_path, ENVIRONMENT_BEFORE, timeout=20, retries=0) as container:
        unpack(tmp_path, SUMMING)
        with pytest.raises(InstallFault):
            container.load()

        assert 'InstallModuleError:\nCommand "python -m pip install ."' in container.output()


def test_a_container_whose_pip_stays_off_the_network_serves(tmp_path: Path) -> None:
    with serving(tmp_path, SUMMING, ENVIRONMENT) as container:
        assert container.invoke(b"1,2\n", "text/csv", "text/csv") == b"3.0"


def test_a_job_of_such_a_package_fails_with_the_reason_and_scores_with_the_job_s_environment(
    aws: Any,
) -> None:
    model, source = (
        create_model(aws, model_archive(), environment=ENVIRONMENT_BEFORE),
        put_shards(aws, a=SHARD),
    )

    failed = run_job(aws, model, source)
    scored = run_job(aws, model, source, Environment=dict(SERVING_ENVIRONMENT))

    assert failed["TransformJobStatus"] == "Failed"
    assert failed["FailureReason"].startswith("AlgorithmError: InstallModuleError")
    assert scored["TransformJobStatus"] == "Completed"
    assert outputs_of(aws, scored) == {"a.csv.out": b"0,3.5\n1,5.5\n"}


@pytest.fixture(scope="module")
def virtual_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of its own, into which is installed; pip and setuptools are those of the tests."""
    pip = pytest.importorskip("pip", reason="pip is not installed here")
    if tuple(map(int, pip.__version__.split(".")[:2])) < (25, 3):
        pytest.skip(f"pip {pip.__version__} does not always build in isolation, as 25.3 and later do")
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (site_packages,) = folder.glob("lib/python*/site-packages")
    ours = importlib.metadata.distribution("setuptools").locate_file("")
    (site_packages / "ours.pth").write_text(f"{ours}\n")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(("environment", "installed"), CASES)
def test_pip_itself_does_the_same(
    tmp_path: Path, virtual_environment: Path, environment: dict[str, str], installed: bool
) -> None:
    """GIVEN code as aws/sagemaker-containers prepares it (``_modules.prepare``), and no index."""
    (tmp_path / "inference.py").write_text(SUMMING)
    (tmp_path / "setup.py").write_text(
        "from setuptools import setup\n"
        'setup(packages=[""], name="inference", version="1.0.0", include_package_data=True)\n'
    )
    (tmp_path / "setup.cfg").write_text("[wheel]\nuniversal = 1\n")
    (tmp_path / "MANIFEST.in").write_text("recursive-include . *\n")
    nowhere = {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "0",
        "PIP_NO_CACHE_DIR": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }

    done = subprocess.run(
        [virtual_environment / "bin" / "python", "-m", "pip", "install", "."],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **nowhere, **environment},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode == 0) is installed, done.stdout + done.stderr
