"""Trouble that can be asked for: what AWS does to its users now and then, on demand."""

from __future__ import annotations

import threading
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from local.sagemaker.errors import ResourceLimitError, ThrottledError

# "Number of instances across transform jobs" of a well-used account; new ones may have 0 or 1.
DEFAULT_QUOTA = 20
SERVERLESS_QUOTA = "Maximum total concurrency that can be allocated across all serverless endpoints"
# New accounts have less.
DEFAULT_SERVERLESS_QUOTA = 200


class RuntimeErrorCode(StrEnum):
    """What InvokeEndpoint answers when it does not answer."""

    THROTTLED = "ThrottlingException"
    MODEL_ERROR = "ModelError"
    NOT_READY = "ModelNotReadyException"
    UNAVAILABLE = "ServiceUnavailable"
    FAILURE = "InternalFailure"
    DEPENDENCY = "InternalDependencyException"


class OutputFault(StrEnum):
    """What is wrong with the first output object of a job that nevertheless ends Completed."""

    NONE = "none"
    LEAVE_OUT_ROWS = "leave_out_rows"
    DUPLICATE_ROWS = "duplicate_rows"
    LEAVE_OUT_OBJECT = "leave_out_object"


class CsvStyle(StrEnum):
    """How batch transform writes CSV, of which the documentation says no more than RFC 4180."""

    PLAIN = "plain"
    QUOTED = "quoted"
    CRLF = "crlf"
    NO_FINAL_NEWLINE = "no_final_newline"


class FaultSettings(BaseModel):
    """The trouble asked for; everything is off by default. Counters run down as they are used.

    Attributes
    ----------
    instance_quota
        Instances that may run in transform jobs at once, and in training jobs; a job beyond it is refused
        with ResourceLimitExceeded.
    throttle
        Operation to number of calls: that many next calls of it answer ThrottlingException.
    drop_events, duplicate_events
        So many next "job has ended" events are never delivered, or are delivered twice (dropping comes
        first).
    job_delay_seconds
        How long a job stays InProgress before its instance starts.
    fail_jobs, failure_reason
        So many next jobs end Failed with this reason, before any output.
    output_fault, output_fault_jobs, output_fault_rows
        What is wrong with the first output object of so many next jobs, and in how many rows.
    csv_style
        How jobs write what the container gets, and their outputs.
    serverless_quota
        Concurrency that all serverless endpoints may have together; more is refused with
        ResourceLimitExceeded.
    endpoint_delay_seconds
        How long an endpoint stays Creating, Updating or Deleting before anything happens.
    fail_endpoints
        So many next creations and updates fail with `failure_reason`.
    ping_seconds, answer_seconds
        How long an endpoint's container has to become healthy, and to answer a request.
    cold_start_seconds, idle_seconds
        How much longer an endpoint's container takes to start, and after how long without a request it is
        ended.
    invoke_delay_seconds
        How much longer each request to an endpoint takes.
    invoke_errors
        Error code of sagemaker-runtime to number of calls: so many next InvokeEndpoint answer it.
    """

    model_config = ConfigDict(extra="forbid")

    instance_quota: int = Field(default=DEFAULT_QUOTA, ge=0)
    throttle: dict[str, int] = Field(default_factory=dict)
    drop_events: int = Field(default=0, ge=0)
    duplicate_events: int = Field(default=0, ge=0)
    job_delay_seconds: float = Field(default=0.0, ge=0, le=3600)
    fail_jobs: int = Field(default=0, ge=0)
    failure_reason: str = "InternalServerError: We encountered an internal error. Please try again."
    output_fault: OutputFault = OutputFault.NONE
    output_fault_jobs: int = Field(default=0, ge=0)
    output_fault_rows: int = Field(default=1, ge=1)
    csv_style: CsvStyle = CsvStyle.PLAIN
    serverless_quota: int = Field(default=DEFAULT_SERVERLESS_QUOTA, ge=0)
    endpoint_delay_seconds: float = Field(default=0.0, ge=0, le=3600)
    fail_endpoints: int = Field(default=0, ge=0)
    ping_seconds: float = Field(default=30.0, ge=0, le=180)
    answer_seconds: float = Field(default=60.0, ge=0, le=60)
    cold_start_seconds: float = Field(default=0.0, ge=0, le=60)
    idle_seconds: float = Field(default=300.0, ge=0, le=3600)
    invoke_delay_seconds: float = Field(default=0.0, ge=0, le=60)
    invoke_errors: dict[RuntimeErrorCode, int] = Field(default_factory=dict)


class Faults:
    """The trouble in force, used up as calls, events and jobs come by."""

    def __init__(self) -> None:
        self._settings = FaultSettings()
        self._lock = threading.Lock()

    @property
    def settings(self) -> FaultSettings:
        """What is in force."""
        with self._lock:
            return self._settings.model_copy(deep=True)

    def change(self, changes: dict[str, object]) -> FaultSettings:
        """Put the named settings in force and leave the others.

        Raises
        ------
        pydantic.ValidationError
            For an unknown name or an unfit value; nothing is changed then.
        """
        with self._lock:
            self._settings = FaultSettings.model_validate({**self._settings.model_dump(), **changes})
        return self.settings

    def reset(self) -> FaultSettings:
        """Put everything back to normal."""
        with self._lock:
            self._settings = FaultSettings()
        return self.settings

    def throttle(self, operation: str) -> None:
        """Refuse the call if calls of its operation are to be throttled."""
        with self._lock:
            left = self._settings.throttle.get(operation, 0)
            if left <= 0:
                return
            self._settings.throttle[operation] = left - 1
        raise ThrottledError("Rate exceeded")

    def require_quota(self, usage: str, running: int, wanted: int) -> None:
        """Refuse a job whose instances would exceed the quota, in the service's words.

        Parameters
        ----------
        usage
            What the quota is for, such as ``ml.m5.large for transform job usage``.
        """
        quota = self.settings.instance_quota
        if running + wanted > quota:
            raise _over_quota(usage, "Instances", quota, running, wanted)

    def require_serverless_quota(self, used: int, wanted: int) -> None:
        """Refuse an endpoint whose concurrency would exceed the quota."""
        quota = self.settings.serverless_quota
        if used + wanted > quota:
            raise _over_quota(SERVERLESS_QUOTA, "Invocations", quota, used, wanted)

    def deliveries(self) -> int:
        """How often the next final event is delivered."""
        with self._lock:
            if self._settings.drop_events:
                self._settings.drop_events -= 1
                return 0
            if self._settings.duplicate_events:
                self._settings.duplicate_events -= 1
                return 2
        return 1

    def failure(self) -> str | None:
        """Why the next job is to fail, if it is to."""
        with self._lock:
            if not self._settings.fail_jobs:
                return None
            self._settings.fail_jobs -= 1
            return self._settings.failure_reason

    def endpoint_failure(self) -> str | None:
        """Why the next creation or update of an endpoint is to fail, if it is to."""
        with self._lock:
            if not self._settings.fail_endpoints:
                return None
            self._settings.fail_endpoints -= 1
            return self._settings.failure_reason

    def invoke_error(self) -> RuntimeErrorCode | None:
        """What the next InvokeEndpoint is to answer instead of an answer, if it is to."""
        with self._lock:
            left = self._settings.invoke_errors
            code = next((code for code, count in left.items() if count > 0), None)
            if code:
                left[code] -= 1
            return code

    def output_fault(self) -> tuple[OutputFault, int]:
        """What is to be wrong with the next job's output, and in how many rows."""
        with self._lock:
            if not self._settings.output_fault_jobs:
                return OutputFault.NONE, 0
            self._settings.output_fault_jobs -= 1
            return self._settings.output_fault, self._settings.output_fault_rows


def _over_quota(limit: str, unit: str, quota: int, used: int, wanted: int) -> ResourceLimitError:
    """The refusal in the service's words."""
    return ResourceLimitError(
        f"The account-level service limit '{limit}' is {quota} {unit}, with current utilization of {used} "
        f"{unit} and a request delta of {wanted} {unit}. Please use AWS Service Quotas to request an "
        "increase for this quota. If AWS Service Quotas is not available, contact AWS support to request an "
        "increase for this quota."
    )


faults = Faults()
