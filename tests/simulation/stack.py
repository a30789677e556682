"""The stack that is simulated: its buckets, its settings as the template has them, its model group."""

from __future__ import annotations

from dropscore.domain.spec import FeatureSpec

GROUP = "cpu"
SPEC = FeatureSpec(("minutes", "hour"), target="load", timestamp="ts", keys=("device_id",))
BUCKETS = {
    "inbox": "inbox-bucket",
    "work": "work-bucket",
    "results": "results-bucket",
    "models": "models-bucket",
}
ENVIRONMENT = {
    "INBOX_BUCKET": BUCKETS["inbox"],
    "WORK_BUCKET": BUCKETS["work"],
    "RESULTS_BUCKET": BUCKETS["results"],
    "MODELS_BUCKET": BUCKETS["models"],
    "LEDGER_TABLE": "ledger",
    "INBOX_QUEUE_URL": "inbox",
    "COLLECT_QUEUE_URL": "collect",
    "MODEL_PACKAGE_GROUP": GROUP,
    "JOB_PREFIX": "dropscore",
    "TRANSFORM_ROLE_ARN": "arn:aws:iam::123456789012:role/transform",
    "INSTANCE_TYPE": "ml.m5.large",
    "MIN_INSTANCES": "1",
    "MAX_INSTANCES": "4",
    "MAX_PAYLOAD_MB": "6",
    "MAX_CONCURRENT_TRANSFORMS": "1",
    "JOB_MAX_DROPS": "100",
    "JOB_WINDOW_SECONDS": "0",
    "MAX_RUNNING_JOBS": "10",
    "MAX_JOBS_PER_DAY": "100",
    "MAX_JOB_HOURS": "6",
    "PAUSED": "false",
    "MAX_ROWS_PER_DROP": "1000000",
    "MAX_BYTES_PER_DROP": "100000000",
    "MAX_REJECTED_FRACTION": "0.5",
    "SHARD_MEGABYTES": "8",
    "INBOX_SUFFIXES": ".parquet",
    "CODE_VERSION": "1.2.3",
}
