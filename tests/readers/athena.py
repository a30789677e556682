"""Athena, as a reader asks it: start a query, wait for it, take the rows."""

from __future__ import annotations

from dataclasses import dataclass

from tests.flow.flow import Flow, wait_for

Row = dict[str, str | None]


@dataclass(frozen=True)
class Athena:
    """Queries on the stack's database."""

    flow: Flow

    def __post_init__(self) -> None:
        self.flow.s3.create_bucket(Bucket="athena-answers")

    @property
    def database(self) -> str:
        names = [d["Name"] for d in self.flow.stack.client("glue").get_databases()["DatabaseList"]]
        (name,) = [name for name in names if name.startswith("dropscore")]
        return name

    def query(self, sql: str) -> list[Row]:
        """The rows of an answer, each value as Athena writes it."""
        client = self.flow.stack.client("athena")
        started = client.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": self.database},
            ResultConfiguration={"OutputLocation": "s3://athena-answers/"},
        )["QueryExecutionId"]

        def status() -> dict[str, str]:
            return client.get_query_execution(QueryExecutionId=started)["QueryExecution"]["Status"]

        wait_for(lambda: status()["State"] in {"SUCCEEDED", "FAILED"}, lambda: str(status()), 30)
        assert status()["State"] == "SUCCEEDED", status()
        names, *rows = [
            [value.get("VarCharValue") for value in row["Data"]]
            for page in client.get_paginator("get_query_results").paginate(QueryExecutionId=started)
            for row in page["ResultSet"]["Rows"]
        ]
        return [dict(zip(map(str, names), row, strict=True)) for row in rows]
