"""What the endpoint needs, in the embedded AWS, and the command line of training."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from local.demo.sensor_month import write_sensor_month
from local.server_process import ServerProcess
from local.settings import ACCOUNT_ID
from tests.flow.flow import Flow
from training.cli import endpoint
from training.cli.app import app as training

MODELS = "toy-models"
TRUST = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
RIGHTS = [
    {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{MODELS}/*"},
    {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{MODELS}"},
    {"Effect": "Allow", "Action": "logs:*", "Resource": "*"},
]
GROUP = ("--group", "toy")


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@dataclass
class Account:
    """The embedded AWS as a person at a shell has it."""

    aws: ServerProcess
    role: str
    environment: dict[str, str]

    def run(self, app: Any, *arguments: str) -> dict[str, Any]:
        """A command's JSON document."""
        document: dict[str, Any] = json.loads(self._said(app, *arguments, "--json"))
        return document

    def tell(self, *arguments: str) -> list[str]:
        """What a command about the endpoint tells a person."""
        return self._said(endpoint.app, *arguments, *GROUP).splitlines()

    def _said(self, app: Any, *arguments: str) -> str:
        done = CliRunner(env=self.environment).invoke(app, arguments)
        if done.exception:
            raise done.exception
        return done.stdout

    def up(self, name: str, *more: str) -> dict[str, Any]:
        """`endpoint up`."""
        wanted = ("--bucket", MODELS, "--role", self.role, "--poll-seconds", "0.1")
        return self.run(endpoint.app, "up", "--name", name, *GROUP, *wanted, *more)

    def down(self, name: str) -> dict[str, Any]:
        """`endpoint down`."""
        return self.run(endpoint.app, "down", "--name", name, *GROUP, "--poll-seconds", "0.1")

    def status(self, name: str) -> dict[str, Any]:
        """`endpoint status`."""
        return self.run(endpoint.app, "status", "--name", name, *GROUP)

    def register(self, folder: Path) -> int:
        """`register`; the version's number."""
        return int(self.run(training, "register", str(folder), "--bucket", MODELS, *GROUP)["version"])

    def approve(self, version: int) -> None:
        """`approve`."""
        self.run(training, "approve", str(version), *GROUP, "--yes")


@pytest.fixture(scope="session")
def account(deployed: Flow) -> Account:
    """Bucket, group and role of its own beside the deployed stack's, and commands that reach them."""
    embedded = deployed.stack
    embedded.client("s3").create_bucket(Bucket=MODELS)
    embedded.client("sagemaker").create_model_package_group(ModelPackageGroupName="toy")
    iam = embedded.client("iam")
    role = iam.create_role(RoleName="endpoint", AssumeRolePolicyDocument=policy(TRUST))["Role"]["Arn"]
    iam.put_role_policy(RoleName="endpoint", PolicyName="p", PolicyDocument=policy(*RIGHTS))
    environment = {
        "AWS_ENDPOINT_URL": embedded.endpoint_url,
        "AWS_REGION": embedded.region,
        "AWS_ACCESS_KEY_ID": ACCOUNT_ID,
        "AWS_SECRET_ACCESS_KEY": "local",
        "NO_PROXY": "127.0.0.1",
    }

    return Account(embedded, role, environment)


@pytest.fixture(scope="session")
def prepared(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a trained model."""
    folder = tmp_path_factory.mktemp("model")
    month = write_sensor_month(folder)
    account.run(training, "prepare", str(month), "--out", str(folder / "model"), "--max-rows", "5000")
    account.run(training, "train", str(folder / "model"))
    return folder / "model"
