"""A small world for the use cases: in-memory adapters, a SageMaker, queues and a clock.

Messages are delivered when the test says so, time passes when the test says so, and a transform job ends
as the test says. Nothing here decides what Dropscore would decide.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

import pyarrow as pa
import pyarrow.parquet as pq

from dropscore.approved import ApprovedModel
from dropscore.aws.ledger import Drops, OpenWork
from dropscore.aws.transforms import CannotStart, ModelMissing, TransformStatus
from dropscore.bootstrap import Adapters, Application
from dropscore.domain.drop import Drop
from dropscore.domain.errors import ReaderDied, ReaderOverdue, ServiceBusy
from dropscore.domain.job import Job, Outcome
from dropscore.domain.messages import CollectPart
from dropscore.domain.model import Package
from dropscore.domain.outcome import FileOutcome
from dropscore.domain.spec import FeatureSpec, sha256_hex
from dropscore.filework import FileWork
from dropscore.handlers import collect as collect_door
from dropscore.handlers import prepare as prepare_door
from dropscore.results import Results
from dropscore.settings import Settings
from tests.simulation.memory import MemoryBucket, MemoryInbox, MemoryTable

GROUP = "cpu"
SPEC = FeatureSpec(("minutes", "hour"), target="load", timestamp="ts", keys=("device_id",))
BUCKETS = {
    "inbox": "inbox-bucket",
    "work": "work-bucket",
    "results": "results-bucket",
    "models": "models-bucket",
}
INVOCATION = 300_000
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
    "INSTANCE_COUNT": "1",
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
}


def parquet(rows: int = 3, **columns: Any) -> bytes:
    """A file of one reading a minute; `columns` replace or add to `ts`, `load` and `device_id`."""
    start = datetime(2021, 6, 1, tzinfo=UTC).replace(tzinfo=None)
    table = {
        "ts": pa.array([start + timedelta(minutes=row) for row in range(rows)], pa.timestamp("ms")),
        "load": pa.array([float(row) for row in range(rows)]),
        "device_id": pa.array([1] * rows, pa.int64()),
        **columns,
    }
    sink = io.BytesIO()
    pq.write_table(pa.table(table), sink)
    return sink.getvalue()


@dataclass(eq=False)
class SageMaker:
    """Registry and transforms in one: what the adapters of both say to the use cases.

    `broken` are versions whose jobs put out nothing, `poison` are drops whose shards fail, `short` are drops
    of whose outputs a row is missing, in that many jobs to come.
    """

    work: MemoryBucket
    clock: Callable[[], datetime]
    packages: list[Package] = field(default_factory=list)
    models: dict[str, str] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    quota: int = 100
    refuses: str | None = None
    broken: set[int] = field(default_factory=set)
    poison: dict[str, int] = field(default_factory=dict)
    short: dict[str, int] = field(default_factory=dict)
    group: str = GROUP

    def newest_approved(self) -> Package | None:
        approved = [p for p in self.packages if p.approved and p.group == self.group]
        return max(approved, key=lambda p: p.version, default=None)

    def describe(self, name: str) -> Any:
        if name.startswith("arn:"):
            return next((p for p in self.packages if p.arn == name), None)
        job = self.jobs.get(name)
        return TransformStatus(job["outcome"], job["reason"], job["created"]) if job else None

    def create_model(self, name: str, package_arn: str) -> None:
        package = self.describe(package_arn)
        if package is None or not package.approved:
            raise CannotStart(f"SageMaker: ValidationException: {package_arn} is not there, or not approved")
        self.models.setdefault(name, package_arn)

    def create_job(self, name: str, model_name: str, manifest_uri: str, output_uri: str) -> None:
        if self.refuses:
            raise CannotStart(self.refuses)
        if model_name not in self.models:
            raise ModelMissing(f"Could not find model {model_name}")
        assert output_uri == self.work.uri(f"transform/{name}/")
        if name in self.jobs:
            return
        if len(self.running) >= self.quota:
            raise ServiceBusy("SageMaker: ResourceLimitExceeded")
        key = manifest_uri.removeprefix(self.work.uri(""))
        if key not in self.work.objects:
            raise CannotStart(f"SageMaker: ValidationException: No S3 objects found under {manifest_uri}")
        manifest = json.loads(self.work.read(key))
        self.jobs[name] = {
            "model": self.models[model_name],
            "shards": manifest[1:],
            "outcome": None,
            "reason": None,
            "created": self.clock(),
        }

    def stop(self, name: str) -> None:
        if name in self.running:
            self.jobs[name].update(outcome=Outcome.STOPPED)

    @property
    def running(self) -> list[str]:
        return [name for name, job in self.jobs.items() if job["outcome"] is None]

    def finish(self, name: str) -> None:
        """Let a job run to its end: a prediction is half the row number."""
        job = self.jobs[name]
        version = int(job["model"].rsplit("/", 1)[1])
        failed = version in self.broken
        for shard in [] if failed else job["shards"]:
            drop_id = shard.split("/")[0]
            if self._strikes(self.poison, drop_id):
                failed = True
                continue
            lines = self.work.read(f"features/{shard}").decode().splitlines()
            rows = [int(line.split(",")[0]) for line in lines]
            if self._strikes(self.short, drop_id):
                rows = rows[1:]
            out = "".join(f"{row},{row / 2}\n" for row in reversed(rows))
            self.work.put(f"transform/{name}/{shard}.out", out.encode(), "text/csv")
        reason = "AlgorithmError: See job logs for more information" if failed else None
        job.update(outcome=Outcome.FAILED if failed else Outcome.COMPLETED, reason=reason)

    @staticmethod
    def _strikes(faults: dict[str, int], drop_id: str) -> bool:
        if faults.get(drop_id, 0) <= 0:
            return False
        faults[drop_id] -= 1
        return True


@dataclass(eq=False)
class Queues:
    """Both queues; a message is there until its handler has returned without failing for it."""

    clock: Callable[[], datetime]
    inbox: list[str] = field(default_factory=list)
    collect: list[str] = field(default_factory=list)
    delayed: list[tuple[datetime, str]] = field(default_factory=list)

    def resume(self, drop_ids: Iterable[str]) -> None:
        self.inbox += [json.dumps({"drop_id": drop_id}) for drop_id in drop_ids]

    def dispatch(self, delay_seconds: float) -> None:
        self.delayed.append((self.clock() + timedelta(seconds=delay_seconds), '{"dispatch": true}'))

    def hand_back_to_prepare(self, body: str) -> None:
        self.inbox.append(body)

    def collect_jobs(self, jobs: Iterable[str]) -> None:
        self.collect += [json.dumps({"job": job}) for job in jobs]

    def collect_parts(self, parts: Iterable[CollectPart]) -> None:
        self.collect += [json.dumps(part.body()) for part in parts]


@dataclass(eq=False)
class Events:
    """EventBridge; `refuses` the next so many events."""

    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    refuses: int = 0

    def put(self, events: list[tuple[str, dict[str, Any]]]) -> list[bool]:
        taken = []
        for event in events:
            taken.append(self.refuses <= 0)
            self.refuses -= 1
            if taken[-1]:
                self.told.append(event)
        return taken


class Context:
    """What Lambda hands to a handler."""

    function_name = memory_limit_in_mb = invoked_function_arn = aws_request_id = "test"
    milliseconds = INVOCATION

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


@dataclass(eq=False)
class InlineFiles:
    """The work with files, within the function's own process; `dies` over so many more of them."""

    world: World
    dies: int = 0

    def convert(self, drop: Drop, model: ApprovedModel, limit: timedelta) -> FileOutcome:
        return self._within(limit, lambda: self._work().convert(drop, model))

    def join(self, drop: Drop, job: Job, outputs: Sequence[str], limit: timedelta) -> FileOutcome:
        return self._within(limit, lambda: self._work().join(drop, job, outputs))

    def _work(self) -> FileWork:
        world = self.world
        settings, results = world.settings, Results(world.results)
        return FileWork(world.inbox, world.adapters.work, results, settings.limits, settings.code_version)

    def _within(self, limit: timedelta, do: Callable[[], FileOutcome]) -> FileOutcome:
        if self.dies > 0:
            self.dies -= 1
            raise ReaderDied("the reader died 3 times over it (SIGSEGV)")
        until = self.world.now + limit
        outcome = do()
        if self.world.now > until:
            raise ReaderOverdue("reading the file took longer than the function has time")
        return outcome


class World:
    """Everything, and the user who drops files."""

    def __init__(self, monkeypatch: Any, table: MemoryTable | None = None, **environment: str) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)
        self.table = table or MemoryTable()
        self.index = OpenWork(self.table)
        self.drops = Drops(self.table, self.index)
        self.inbox = MemoryInbox(BUCKETS["inbox"])
        work, self.results = MemoryBucket(BUCKETS["work"]), MemoryBucket(BUCKETS["results"])
        self.settings = Settings.read({**ENVIRONMENT, **environment})
        self.sagemaker = SageMaker(work, lambda: self.now)
        self.queues = Queues(lambda: self.now)
        self.events = Events()
        self.adapters = Adapters(
            inbox=self.inbox,
            work=work,
            models=MemoryBucket(BUCKETS["models"]),
            files=InlineFiles(self),
            table=self.table,
            index=self.index,
            registry=self.sagemaker,
            transforms=self.sagemaker,
            queues=self.queues,
            events=self.events,
        )
        for door in (prepare_door, collect_door):
            monkeypatch.setattr(door, "application", lambda: self.application)

    @property
    def application(self) -> Application:
        return Application(self.adapters, self.settings, lambda: self.now)

    def set_brakes(self, **changes: Any) -> None:
        self.settings = replace(self.settings, brakes=replace(self.settings.brakes, **changes))

    def set_limits(self, **changes: Any) -> None:
        self.settings = replace(self.settings, limits=replace(self.settings.limits, **changes))

    def approve(self, version: int = 1, spec: FeatureSpec = SPEC, **metadata: str | None) -> Package:
        """Register and approve a version of the group."""
        data = spec.to_bytes()
        key = f"{GROUP}/{version}/feature_spec.json"
        self.adapters.models.put(key, data, "application/json")
        known = {"feature_spec_uri": self.adapters.models.uri(key), "feature_spec_sha256": sha256_hex(data)}
        arn = f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{GROUP}/{version}"
        said = {name: value for name, value in {**known, **metadata}.items() if value is not None}
        package = Package(arn, GROUP, version, True, "registry/own-image:1", said)
        self.sagemaker.packages.append(package)
        return package

    def reject_version(self, version: int) -> None:
        packages = self.sagemaker.packages
        packages[:] = [replace(p, approved=p.approved and p.version != version) for p in packages]

    def put(self, key: str, body: bytes) -> str:
        """Drop a file; S3 tells the queue. The drop's id."""
        version = self.inbox.put(key, body)
        self.notify(key, version)
        return hashlib.sha256(f"{BUCKETS['inbox']}\n{key}\n{version}".encode()).hexdigest()[:20]

    def notify(self, key: str, version: str | None) -> None:
        self.queues.inbox.append(json.dumps(notification(key, version)))

    def deliver_inbox(self) -> dict[str, Any]:
        """Hand prepare all messages that are there, in one batch."""
        due = [body for at, body in self.queues.delayed if at <= self.now]
        self.queues.delayed = [(at, body) for at, body in self.queues.delayed if at > self.now]
        return self._deliver(prepare_door.handler, self.queues.inbox, due)

    def deliver_collect(self) -> dict[str, Any]:
        """Hand collect one message."""
        return self._deliver(collect_door.handler, self.queues.collect, [], at_most=1)

    def finish_jobs(self, *, tell: bool = True) -> list[str]:
        """Let all running jobs end; their names."""
        names = self.sagemaker.running
        for name in names:
            self.sagemaker.finish(name)
            if tell:
                self.queues.collect.append(json.dumps(transform_event(name)))
        return names

    def sweep(self) -> Any:
        app = self.application
        return app.sweep(app.deadline(INVOCATION)).run()

    def run(self, rounds: int = 40) -> None:
        """Let everything happen that happens by itself, without a sweep, until nothing is left to do."""
        for _ in range(rounds):
            if self.queues.inbox or self.queues.delayed:
                self.now += timedelta(seconds=2)
                self.deliver_inbox()
            elif self.queues.collect:
                self.deliver_collect()
            elif not self.finish_jobs():
                return
        raise AssertionError("the world does not come to rest")

    def taking[**P, T](self, seconds: float, call: Callable[P, T]) -> Callable[P, T]:
        """The call, which takes so long."""

        def slow(*args: P.args, **kwargs: P.kwargs) -> T:
            self.now += timedelta(seconds=seconds)
            return call(*args, **kwargs)

        return slow

    def drop(self, drop_id: str) -> Drop:
        found = self.drops.get(drop_id)
        assert found is not None
        return found

    def states(self, *drop_ids: str) -> list[str]:
        return [self.drop(drop_id).state.value for drop_id in drop_ids]

    def result(self, drop_id: str) -> pa.Table:
        uri = self.drop(drop_id).result_uri
        assert uri is not None
        return pq.read_table(io.BytesIO(self.results.read(uri.removeprefix(self.results.uri("")))))

    def results_of(self, drop_id: str) -> list[str]:
        return [name for name in self.results.names("predictions/") if drop_id in name]

    def rejects(self, drop_id: str) -> list[dict[str, Any]]:
        data = self.results.read(f"rejects/{drop_id}.parquet")
        return pq.read_table(io.BytesIO(data)).to_pylist()

    def _deliver(
        self, handler: Any, queue: list[str], due: list[str], at_most: int | None = None
    ) -> dict[str, Any]:
        bodies = [*queue, *due][:at_most]
        if not bodies:
            return {"batchItemFailures": []}
        del queue[: len(bodies)]
        records = [
            {"eventSource": "aws:sqs", "messageId": str(place), "body": body}
            for place, body in enumerate(bodies)
        ]
        try:
            answer = handler({"Records": records}, Context())
        except BaseException:
            queue.extend(bodies)
            raise
        failed = {int(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]}
        queue.extend(body for place, body in enumerate(bodies) if place in failed)
        return answer


def notification(key: str, version: str | None, bucket: str = BUCKETS["inbox"]) -> dict[str, Any]:
    """What S3 sends."""
    item = {"key": quote_plus(key, safe="/"), "size": 1, "eTag": "e", "sequencer": "0A"}
    if version:
        item["versionId"] = version
    record = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": bucket}, "object": item},
    }
    return {"Records": [record]}


def transform_event(job: str, status: str = "Completed") -> dict[str, Any]:
    """What EventBridge sends."""
    return {
        "source": "aws.sagemaker",
        "detail-type": "SageMaker Transform Job State Change",
        "detail": {"TransformJobName": job, "TransformJobStatus": status},
    }


class Killed(BaseException):
    """The function's process is gone."""


class Killer:
    """Kills the running function before or after the `at`-th call that changes something outside of it."""

    def __init__(self, world: World, at: int, *, after: bool) -> None:
        self.at = at
        self.after = after
        self.calls = 0
        adapters = world.adapters
        changing = {
            adapters.table: ("change", "transact"),
            adapters.work: ("put",),
            world.results: ("put", "put_once"),
            adapters.transforms: ("create_model", "create_job", "stop"),
            adapters.queues: ("resume", "dispatch", "hand_back_to_prepare", "collect_jobs", "collect_parts"),
            adapters.events: ("put",),
        }
        for adapter, names in changing.items():
            for name in names:
                setattr(adapter, name, self._wrapped(getattr(adapter, name)))

    @property
    def struck(self) -> bool:
        return self.calls >= self.at

    def _wrapped(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            if self.calls != self.at:
                return call(*args, **kwargs)
            if self.after:
                call(*args, **kwargs)
            raise Killed

        return wrapped
