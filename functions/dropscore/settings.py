"""What the stack's template tells the functions through their environment, read once into typed values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from dropscore.domain.errors import DropscoreError
from dropscore.domain.fleet import Fleet
from dropscore.domain.source import read_suffixes


class SettingsError(DropscoreError):
    """A variable of the function's environment is missing or malformed: the operator can act."""


@dataclass(frozen=True)
class Limits:
    """What a drop may be.

    Attributes
    ----------
    max_rows, max_bytes
        A drop over either is refused up front.
    max_rejected_fraction
        A drop with a larger share of rejected rows is rejected as a whole.
    shard_bytes
        About how large a shard is; whole row groups decide.
    """

    max_rows: int
    max_bytes: int
    max_rejected_fraction: float
    shard_bytes: int


@dataclass(frozen=True)
class Brakes:
    """When jobs are formed, and how many.

    Attributes
    ----------
    max_drops, window
        A job is formed of `max_drops` drops, or once the oldest is `window` old.
    max_running, max_per_day
        Jobs at a time, and jobs planned on one day (UTC).
    max_duration
        A job that runs longer is stopped.
    paused
        Whether no new jobs are formed or started.
    """

    max_drops: int
    window: timedelta
    max_running: int
    max_per_day: int
    max_duration: timedelta
    paused: bool


@dataclass(frozen=True)
class Settings:
    """The environment of a function; names in upper case there (`WORK_BUCKET`, …)."""

    inbox_bucket: str
    inbox_suffixes: tuple[str, ...]
    work_bucket: str
    results_bucket: str
    models_bucket: str
    ledger_table: str
    inbox_queue_url: str
    collect_queue_url: str
    model_package_group: str
    job_prefix: str
    transform_role_arn: str
    instance_type: str
    max_payload_mb: int
    max_concurrent_transforms: int
    kms_key_arn: str | None
    code_version: str
    service: str
    metrics_namespace: str
    reader_memory_bytes: int | None
    fleet: Fleet
    limits: Limits
    brakes: Brakes

    def __post_init__(self) -> None:
        payload = self.max_payload_mb * self.max_concurrent_transforms
        if payload > MAX_PAYLOAD_IN_FLIGHT_MB:
            raise SettingsError(
                f"MaxPayloadMB times MaxConcurrentTransforms is {payload}, SageMaker takes at most "
                f"{MAX_PAYLOAD_IN_FLIGHT_MB}: lower one of them"
            )
        if self.fleet.least > self.fleet.most:
            raise SettingsError(
                f"MinInstances is {self.fleet.least}, more than MaxInstances ({self.fleet.most}): lower it"
            )

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """Read them.

        Raises
        ------
        SettingsError
            One is missing or malformed; the message names it.
        """
        read = _Reader(environment)
        return cls(
            inbox_bucket=read.text("INBOX_BUCKET"),
            inbox_suffixes=read.suffixes("INBOX_SUFFIXES"),
            work_bucket=read.text("WORK_BUCKET"),
            results_bucket=read.text("RESULTS_BUCKET"),
            models_bucket=read.text("MODELS_BUCKET"),
            ledger_table=read.text("LEDGER_TABLE"),
            inbox_queue_url=read.text("INBOX_QUEUE_URL"),
            collect_queue_url=read.text("COLLECT_QUEUE_URL"),
            model_package_group=read.text("MODEL_PACKAGE_GROUP"),
            job_prefix=read.text("JOB_PREFIX"),
            transform_role_arn=read.text("TRANSFORM_ROLE_ARN"),
            instance_type=read.text("INSTANCE_TYPE"),
            max_payload_mb=read.number("MAX_PAYLOAD_MB", int),
            max_concurrent_transforms=read.number("MAX_CONCURRENT_TRANSFORMS", int),
            kms_key_arn=environment.get("KMS_KEY_ARN") or None,
            code_version=environment.get("CODE_VERSION") or "unknown",
            service=environment.get("POWERTOOLS_SERVICE_NAME") or "dropscore",
            metrics_namespace=environment.get("POWERTOOLS_METRICS_NAMESPACE") or "Dropscore",
            reader_memory_bytes=read.memory(),
            fleet=Fleet(read.number("MIN_INSTANCES", int), read.number("MAX_INSTANCES", int)),
            limits=Limits(
                read.number("MAX_ROWS_PER_DROP", int),
                read.number("MAX_BYTES_PER_DROP", int),
                read.number("MAX_REJECTED_FRACTION", float),
                read.number("SHARD_MEGABYTES", int) * 1024 * 1024,
            ),
            brakes=Brakes(
                max_drops=read.number("JOB_MAX_DROPS", int),
                window=timedelta(seconds=read.number("JOB_WINDOW_SECONDS", float)),
                max_running=read.number("MAX_RUNNING_JOBS", int),
                max_per_day=read.number("MAX_JOBS_PER_DAY", int),
                max_duration=timedelta(hours=read.number("MAX_JOB_HOURS", float)),
                paused=read.text("PAUSED").lower() == "true",
            ),
        )


class ApiAuth(StrEnum):
    """Who may read over HTTP: who signs as an IAM principal, or who brings a token of the issuer's."""

    IAM = "IAM"
    JWT = "JWT"


@dataclass(frozen=True)
class ApiSettings:
    """What the results API has to know of a function's environment."""

    results_bucket: str
    ledger_table: str
    model_package_group: str
    code_version: str
    auth: ApiAuth

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> ApiSettings:
        """Read them.

        Raises
        ------
        SettingsError
            One is missing or malformed; the message names it.
        """
        read = _Reader(environment)
        auth = read.text("API_AUTH")
        if auth not in set(ApiAuth):
            raise SettingsError(f"the function's environment has API_AUTH={auth!r}, expected IAM or JWT")
        return cls(
            results_bucket=read.text("RESULTS_BUCKET"),
            ledger_table=read.text("LEDGER_TABLE"),
            model_package_group=read.text("MODEL_PACKAGE_GROUP"),
            code_version=environment.get("CODE_VERSION") or "unknown",
            auth=ApiAuth(auth),
        )


@dataclass(frozen=True)
class PredictSettings:
    """What who predicts in real time has to know of a function's environment: the endpoint, and the specs."""

    endpoint_name: str
    models_bucket: str
    model_package_group: str

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> PredictSettings:
        """Read them.

        Raises
        ------
        SettingsError
            One is missing; the message names it.
        """
        read = _Reader(environment)
        return cls(
            endpoint_name=read.text("ENDPOINT_NAME"),
            models_bucket=read.text("MODELS_BUCKET"),
            model_package_group=read.text("MODEL_PACKAGE_GROUP"),
        )


MAX_PAYLOAD_IN_FLIGHT_MB = 100
"""`MaxConcurrentTransforms` times `MaxPayloadInMB` is at most this (CreateTransformJob, API reference)."""


FUNCTION_OWN_BYTES = 256 * 1024 * 1024
"""What of a function's memory its own process may take; the rest is for the one that reads files.

An idle function with its clients takes 90 to 110 MiB here; Lambda's own extensions come on top.
"""


LEAST_READER_BYTES = 512 * 1024 * 1024
"""With less, files that are not unusual would be refused: 4.3 million rows of two columns take 315 MiB."""


class _Reader:
    """Reads variables and says which one is at fault."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str) -> str:
        value = self._environment.get(name)
        if not value:
            raise SettingsError(
                f"the function's environment lacks {name}; deploy it with the stack's template"
            )
        return value

    def suffixes(self, name: str) -> tuple[str, ...]:
        value = self.text(name)
        try:
            return read_suffixes(value)
        except ValueError as error:
            raise SettingsError(f"the function's environment has {name}={value!r}: {error}") from error

    def memory(self) -> int | None:
        """What the process that reads files may take; None outside of Lambda, where nothing limits it."""
        if "AWS_LAMBDA_FUNCTION_MEMORY_SIZE" not in self._environment:
            return None
        left = self.number("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", int) * 1024 * 1024 - FUNCTION_OWN_BYTES
        if left < LEAST_READER_BYTES:
            least = (FUNCTION_OWN_BYTES + LEAST_READER_BYTES) // 1024**2
            raise SettingsError(f"FunctionMemoryMB leaves too little for reading files: it takes {least}")
        return left

    def number[T: (int, float)](self, name: str, kind: Callable[[str], T]) -> T:
        value = self.text(name)
        try:
            return kind(value)
        except ValueError as error:
            raise SettingsError(
                f"the function's environment has {name}={value!r}, expected a number"
            ) from error
