"""Collects one drop, in a process of its own, and counts what that takes of S3."""

import sys
from pathlib import Path

import benchmarks.as_on_lambda  # noqa: F401 - before pyarrow, or it would find what Lambda has not
from benchmarks.child import measured
from benchmarks.disk import DiskS3
from benchmarks.ended_job import EndedJob, file_work


def main(job: EndedJob) -> None:
    """Join the job's outputs, by the real work with files.

    Raises
    ------
    AssertionError
        Not every row was scored.
    """
    job.result_file.unlink(missing_ok=True)
    s3 = DiskS3(job.folder)
    work = file_work(s3)
    with measured() as told:
        outcome = work.join(job.drop, job.job, job.outputs)
        told["result_mib"] = round(job.result_file.stat().st_size / 2**20)
        told["requests"] = s3.requests.total()
        told["read_mib"] = round(s3.bytes_read / 2**20)
    if outcome.counts.rows_scored != job.rows:
        raise AssertionError(outcome)


if __name__ == "__main__":
    _folder, _rows, _shards, _order = sys.argv[1:]
    main(EndedJob(Path(_folder), int(_rows), int(_shards), shuffled=_order == "shuffled"))
