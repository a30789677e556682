"""Dropscore: parquet files dropped into a bucket come out as predictions, keyed to their rows."""
