"""What an image finds under ``/opt/ml``, here below a folder of the job's own."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

from local.sagemaker.instance.inputs import input_objects
from local.sagemaker.instance.location import parse_location
from local.sagemaker.trainer.task import Channel, TrainingTask

OPT_ML = "/opt/ml"
HOST = "algo-1"
# Of the SageMaker SDK, version 3: its programs name the image's folders.
DRIVERS = "sm_drivers"


class Folders:
    """The folders of one job."""

    def __init__(self, task: TrainingTask) -> None:
        self.root = Path(task.folder) / "opt" / "ml"
        self.model = self.root / "model"
        self.code = self.root / "code"
        self.output = self.root / "output"
        self.failure = self.output / "failure"
        self.data = self.root / "input" / "data"
        self._config = self.root / "input" / "config"
        for folder in (self.model, self.code, self.output / "data", self.data, self._config):
            folder.mkdir(parents=True)

    def here(self, text: str) -> str:
        """A text with the image's folders replaced by this machine's."""
        return text.replace(OPT_ML, str(self.root))

    def channel(self, name: str) -> Path:
        """The folder of a channel."""
        return self.data / name

    def configure(self, task: TrainingTask) -> None:
        """Write the configuration files ("How Amazon SageMaker provides training information")."""
        channels = {
            channel.name: {
                "TrainingInputMode": "File",
                "S3DistributionType": "FullyReplicated",
                "RecordWrapperType": "None",
                **({"ContentType": channel.content_type} if channel.content_type else {}),
            }
            for channel in task.channels
        }
        resources = {
            "current_host": HOST,
            "current_instance_type": task.instance_type,
            "current_group_name": "homogeneousCluster",
            "hosts": [HOST],
            "network_interface_name": "eth0",
        }
        self._write("hyperparameters", task.hyperparameters)
        self._write("inputdataconfig", channels)
        self._write("resourceconfig", resources)

    def _write(self, name: str, content: Any) -> None:
        (self._config / f"{name}.json").write_text(json.dumps(content))

    def fetch(self, s3: Any, channel: Channel) -> None:
        """Download a channel's objects, in the role's name: under what follows the prefix in their keys."""
        folder, prefix = self.channel(channel.name), parse_location(channel.uri).key
        folder.mkdir()
        for source in input_objects(s3, channel.kind, channel.uri):
            key = source.location.key
            below = key.removeprefix(prefix).lstrip("/") or key.rpartition("/")[2]
            target = folder / (source.relative if channel.kind == "ManifestFile" else below)
            target.parent.mkdir(parents=True, exist_ok=True)
            s3.download_file(source.location.bucket, source.location.key, str(target))
            if channel.name == DRIVERS and target.suffix in {".py", ".sh"}:
                target.write_text(self.here(target.read_text()))

    def pack(self, folder: Path, archive: Path) -> Path:
        """Pack what is in a folder."""
        with tarfile.open(archive, "w:gz") as packed:
            for entry in sorted(folder.iterdir()):
                packed.add(entry, entry.name)
        return archive
