"""Parquet files of sensors: found, opened, told apart by device and time, and joined."""
