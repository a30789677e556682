"""The peers' ways from outputs and context to a result: `collect <way> <file that lists the files>`.

Each makes sure, as we do, that no row is missing and none there twice, and writes what we write.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.child import measured

ROW_GROUP = 65_536
"""Rows of a row group of a result (`dropscore.domain.shards.ROW_GROUP`)."""


@dataclass(frozen=True)
class Asked:
    """What is to be joined, and where the result goes.

    Attributes
    ----------
    outputs, context, result
        Files.
    constants
        Columns that have one value in every row.
    columns
        Of the result, in order.
    """

    outputs: list[str]
    context: str
    result: str
    constants: dict[str, str]
    columns: list[str]


def pandas(pd: Any, asked: Asked) -> None:
    """In memory."""
    lines = [pd.read_csv(file, header=None, names=["row", "prediction"]) for file in asked.outputs]
    context = pd.read_parquet(asked.context)
    joined = context.merge(pd.concat(lines), on="row", how="outer", validate="one_to_one", indicator=True)
    _demand(bool((joined["_merge"] == "both").all()))
    joined.assign(**asked.constants)[asked.columns].to_parquet(
        asked.result, compression="snappy", row_group_size=ROW_GROUP, index=False
    )


def polars(pl: Any, asked: Asked) -> None:
    """Joined by hash, and streamed, on every core."""
    lines = _polars_lines(pl, asked).collect()
    context = pl.scan_parquet(asked.context)
    rows = context.select(pl.len()).collect().item()
    _demand(len(lines) == rows == lines["row"].n_unique())
    joined = context.join(lines.lazy(), on="row", maintain_order="left")
    _polars_result(pl, asked, joined).sink_parquet(
        asked.result, compression="snappy", row_group_size=ROW_GROUP
    )


def polars_sorted(pl: Any, asked: Asked) -> None:
    """In memory: sorted where that is needed, then laid side by side, which is no join in general."""
    lines, context = _polars_lines(pl, asked).collect(), pl.read_parquet(asked.context)
    if not lines["row"].is_sorted():
        lines = lines.sort("row")
    _demand(lines["row"].equals(context["row"]))
    joined = context.with_columns(lines["prediction"])
    _polars_result(pl, asked, joined).write_parquet(
        asked.result, compression="snappy", row_group_size=ROW_GROUP
    )


def duckdb(db: Any, asked: Asked) -> None:
    """Joined by hash, and streamed, on every core."""
    db.execute(
        "CREATE TEMP TABLE lines AS SELECT * FROM read_csv($files, header = false, auto_detect = false, "
        "delim = ',', quote = '', columns = {'row': 'BIGINT', 'prediction': 'DOUBLE'})",
        {"files": asked.outputs},
    )
    context = f"read_parquet('{asked.context}')"
    counts = db.execute(
        f"SELECT count(*), count(DISTINCT row), (SELECT count(*) FROM {context}) FROM lines"  # noqa: S608
    ).fetchall()
    _demand(len({*counts[0]}) == 1)
    constants = {name: f"'{value}' AS {name}" for name, value in asked.constants.items()}
    columns = ", ".join(constants.get(name, name) for name in asked.columns)
    db.sql(
        f"COPY (SELECT {columns} FROM {context} JOIN lines USING (row)) TO '{asked.result}' "  # noqa: S608
        f"(FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE {ROW_GROUP})"
    )


def _polars_lines(pl: Any, asked: Asked) -> Any:
    schema = {"row": pl.Int64, "prediction": pl.Float64}
    return pl.scan_csv(asked.outputs, has_header=False, schema=schema)


def _polars_result(pl: Any, asked: Asked, joined: Any) -> Any:
    constants = {name: pl.lit(value).alias(name) for name, value in asked.constants.items()}
    return joined.select(constants.get(name, name) for name in asked.columns)


def _demand(every_row_once: bool) -> None:  # noqa: FBT001 - what is said is in the name
    if not every_row_once:
        raise ValueError("a row is missing or double")


WAYS: dict[str, tuple[str, Callable[[Any, Asked], None]]] = {
    "pandas": ("pandas", pandas),
    "polars": ("polars", polars),
    "polars, sorted": ("polars", polars_sorted),
    "duckdb": ("duckdb", duckdb),
}
"""The library of each, and what it is told to do."""


def main(way: str, asked: Path) -> None:
    """Go one of the `WAYS`; `asked` is a file with `Asked` as JSON."""
    library, go = WAYS[way]
    files = Asked(**json.loads(asked.read_text()))
    imported = import_module(library)
    with measured() as told:
        go(imported, files)
        told["result_mib"] = round(Path(files.result).stat().st_size / 2**20)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
