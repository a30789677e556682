"""Converts one drop, in a process of its own, over buckets on disk.

`python -m benchmarks.converter <how> <folder> <features> <cores>`: `shards` and no more, as the peers do; or
`everything` as prepare does, which keeps timestamps, actuals and keys for collect beside them.
"""

import sys
from pathlib import Path

import benchmarks.as_on_lambda  # noqa: F401 - before pyarrow, or it would find what Lambda has not
from benchmarks.child import keep_to, measured
from benchmarks.disk import DiskS3
from benchmarks.ended_job import DAY, INBOX, LIMITS, MODEL, SOURCE, WORK, file_work
from dropscore.approved import ApprovedModel
from dropscore.aws.objects import Bucket
from dropscore.domain.drop import Drop, DropState
from dropscore.domain.features import Extraction
from dropscore.domain.keys import FEATURES_PREFIX, manifest_entry
from dropscore.domain.reading import open_parquet
from dropscore.domain.shards import Shard
from dropscore.domain.spec import FeatureSpec
from dropscore.files.conversion import NewObject, pieces_of
from dropscore.files.threads import Threads

TIMESTAMP, TARGET, KEY = "ts", "snmpcpu_processor_1", "device_id"
"""As in `inputs`, which imports numpy."""


def everything(features: tuple[str, ...], s3: DiskS3) -> int:
    """Convert it by the real work with files; how many shards that makes."""
    spec = FeatureSpec(features, TARGET, TIMESTAMP, (KEY,))
    drop = Drop(SOURCE.drop_id, DropState.PREPARING, SOURCE, DAY, attempt=1)
    return file_work(s3).convert(drop, ApprovedModel(MODEL, spec)).shards


def shards(features: tuple[str, ...], s3: DiskS3) -> int:
    """Convert it as `files.conversion` does, but keep nothing beside the shards; how many that makes."""
    inbox, work = Bucket(s3, INBOX), Bucket(s3, WORK)  # type: ignore[arg-type]

    def put(shard: NewObject) -> None:
        work.put(shard.key, shard.body, "text/csv")

    with inbox.open(SOURCE.key) as file, Threads() as threads:
        parquet = open_parquet(file)
        extraction = Extraction.bind(FeatureSpec(features, timestamp=TIMESTAMP), parquet.schema_arrow)
        pieces = pieces_of(file, parquet, extraction, LIMITS.shard_bytes, threads)
        objects = (
            NewObject(FEATURES_PREFIX + manifest_entry(SOURCE.drop_id, 1, piece.number), piece.csv)
            for piece in pieces
            if isinstance(piece, Shard)
        )
        return sum(1 for _ in threads.in_order(put, objects))


def main(how: str, folder: Path, features: str, cores: int) -> None:
    """Convert the drop whose file lies in the folder's inbox."""
    keep_to(cores)
    s3 = DiskS3(folder)
    with measured() as told:
        told["shards"] = {"shards": shards, "everything": everything}[how](tuple(features.split(",")), s3)
        told["written_mib"] = round(s3.bytes_written / 2**20)


if __name__ == "__main__":
    _how, _folder, _features, _cores = sys.argv[1:]
    main(_how, Path(_folder), _features, int(_cores))
