"""The Glue table of the template, and where Athena looks for its partitions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tests.template.translated import translated


@dataclass(frozen=True)
class GlueTable:
    """A table's input, as CloudFormation hands it to Glue."""

    said: dict[str, Any]

    @property
    def columns(self) -> dict[str, str]:
        return {column["Name"]: column["Type"] for column in self.said["StorageDescriptor"]["Columns"]}

    @property
    def partitions(self) -> dict[str, str]:
        return {column["Name"]: column["Type"] for column in self.said["PartitionKeys"]}

    def projection(self, column: str) -> dict[str, Any]:
        """The properties of one column's projection."""
        start = f"projection.{column}."
        parameters = self.said["Parameters"].items()
        return {name.removeprefix(start): value for name, value in parameters if name.startswith(start)}

    def location(self, bucket: str, **values: str) -> str:
        """Where Athena lists the objects of a partition: the template with the values put in."""
        template = self.said["Parameters"]["storage.location.template"]
        text = template["Fn::Sub"] if isinstance(template, dict) else template
        text = text.replace("${ResultsBucket}", bucket).replace("${!", "${")
        return re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], text)


def predictions_table() -> GlueTable:
    return GlueTable(translated().properties("PredictionsTable")["TableInput"])
