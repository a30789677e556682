"""Starts a training job with SageMaker's Python SDK, in an environment of its own.

The SDK (1 GB) wants an older pyarrow than the project has. So it is installed beside it, and this file, which
imports nothing from the project, is run there by `remote`: a JSON object on stdin, the job's name on stdout.
`remote` waits for the job: the SDK's own waiting draws on stdout, and takes a stopped job for a good one.
"""

import json
import os
import sys
from typing import Any

WHOLE_FOLDER = "training"
"""All that the job reads and writes lies below, in the user's bucket."""


def start(wish: dict[str, Any]) -> str:
    """Upload channels and code, and create the training job.

    Parameters
    ----------
    wish
        What `remote.RemoteRequest` says, with the folders ``train``, ``test`` and ``source``, the
        ``hyperparameters``, the ``metrics`` (name and regular expression) and the ``region``.

    Returns
    -------
    str
        The job's name.
    """
    # The SDK would ask IAM whether the role may read and write every bucket; this one may a single prefix.
    os.environ["SAGEMAKER_VALIDATE_ROLE"] = "false"
    import boto3  # noqa: PLC0415 - of the SDK's environment
    from sagemaker.core.helper.session_helper import Session  # type: ignore[import-not-found] # noqa: PLC0415
    from sagemaker.core.training import configs  # type: ignore[import-not-found] # noqa: PLC0415
    from sagemaker.train import ModelTrainer  # type: ignore[import-not-found] # noqa: PLC0415

    class SessionOfBucket(Session):  # type: ignore[misc] # the SDK is not installed where types are checked
        def default_bucket(self) -> str:
            """The user's; the SDK's own way lists all buckets, and creates one where the name is mistyped."""
            return str(wish["bucket"])

    session = SessionOfBucket(
        boto_session=boto3.Session(region_name=wish["region"]),
        default_bucket_prefix=WHOLE_FOLDER,
        sagemaker_config=_NO_TELEMETRY,
    )
    trainer = ModelTrainer(
        sagemaker_session=session,
        role=wish["role"],
        base_job_name=wish["name"],
        training_image=wish["image"],
        source_code=configs.SourceCode(source_dir=wish["source"], entry_script="train.py"),
        compute=configs.Compute(
            instance_type=wish["instance_type"],
            instance_count=1,
            enable_managed_spot_training=wish["spot"] or None,
        ),
        stopping_condition=configs.StoppingCondition(**_limits(wish)),
        output_data_config=configs.OutputDataConfig(s3_output_path=f"s3://{wish['bucket']}/{WHOLE_FOLDER}"),
        hyperparameters=wish["hyperparameters"],
    ).with_metric_definitions(
        [configs.MetricDefinition(name=name, regex=regex) for name, regex in wish["metrics"].items()]
    )
    channels = [configs.InputData(channel_name=name, data_source=wish[name]) for name in ("train", "test")]
    trainer.train(input_data_config=channels, wait=False, logs=False)
    return str(trainer._latest_training_job.training_job_name)  # noqa: SLF001 - the SDK has no other way


def _limits(wish: dict[str, Any]) -> dict[str, int]:
    """How long the job may run, and, on spot capacity, wait and run."""
    wait = {"max_wait_time_in_seconds": wish["max_wait_seconds"]} if wish["spot"] else {}
    return {"max_runtime_in_seconds": wish["max_run_seconds"], **wait}


_NO_TELEMETRY = {
    "SchemaVersion": "1.0",
    "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}},
}


def main() -> None:
    """Read the wish, start the job, say its name; the SDK's own words go to stderr."""
    wish, out = json.load(sys.stdin), sys.stdout
    sys.stdout = sys.stderr
    name = start(wish)
    out.write(json.dumps({"job": name}) + "\n")


if __name__ == "__main__":
    main()
