"""A small world for the use cases: in-memory adapters, a SageMaker, queues and a clock.

Messages are delivered when the test says so, time passes when the test says so, and a transform job ends
as the test says. Nothing here decides what Dropscore would decide.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from botocore.exceptions import ClientError

from dropscore.aws.events import Events
from dropscore.aws.ledger import Drops, OpenWork
from dropscore.aws.ledger.expressions import Item
from dropscore.aws.metrics import Metrics
from dropscore.bootstrap import Adapters, Application
from dropscore.domain.drop import Drop
from dropscore.domain.model import Package
from dropscore.domain.spec import FeatureSpec, sha256_hex
from dropscore.handlers import collect as collect_door
from dropscore.handlers import prepare as prepare_door
from dropscore.handlers import sweep as sweep_door
from dropscore.settings import Settings
from tests.simulation.arrivals import SCHEDULED, notification, parquet, transform_event
from tests.simulation.memory import MemoryBucket, MemoryInbox, MemoryTable
from tests.simulation.queues import Message, Queue, Queues
from tests.simulation.reader import InlineFiles
from tests.simulation.sagemaker import SageMaker
from tests.simulation.stack import BUCKETS, ENVIRONMENT, GROUP, SPEC

__all__ = ["BUCKETS", "GROUP", "SPEC", "Context", "World", "notification", "parquet", "transform_event"]

DOORS = (prepare_door, collect_door, sweep_door)


@dataclass(eq=False)
class EventBus:
    """EventBridge's client: takes what PutEvents takes; `refuses` the next so many entries."""

    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    refuses: int = 0

    def put_events(self, Entries: Sequence[Mapping[str, str]]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        size = sum(len(text.encode()) for entry in Entries for text in entry.values())
        if not 0 < len(Entries) <= 10 or size >= 256 * 1024:
            said = {"Code": "ValidationException", "Message": "Total size of the entries is over the limit."}
            raise ClientError({"Error": said, "ResponseMetadata": {"HTTPStatusCode": 400}}, "PutEvents")
        return {"Entries": [self._taken(entry) for entry in Entries]}

    def _taken(self, entry: Mapping[str, str]) -> dict[str, str]:
        self.refuses -= 1
        if self.refuses >= 0:
            return {"ErrorCode": "InternalFailure"}
        self.told.append((entry["DetailType"], json.loads(entry["Detail"])))
        return {"EventId": str(len(self.told))}


class CountedMetrics(Metrics):
    """The metrics, counted instead of written: the sum of each, and the last value of each."""

    def __init__(self) -> None:
        super().__init__("Dropscore/test", "dropscore")
        self.sums: Counter[str] = Counter()
        self.last: dict[str, float] = {}

    def _write(self, values: Iterable[tuple[str, Any, float]]) -> None:
        for name, _, value in values:
            self.sums[name] += value
            self.last[name] = value


class Context:
    """What Lambda hands to a handler."""

    function_name = memory_limit_in_mb = invoked_function_arn = aws_request_id = "test"
    milliseconds = 300_000

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


class World:
    """Everything, and the user who drops files."""

    def __init__(
        self,
        monkeypatch: Any,
        table: MemoryTable | None = None,
        rng: Random | None = None,
        **environment: str,
    ) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)
        self.invocations = 0
        self.running: list[Any] = []
        self.acknowledged: Callable[[str, set[str]], None] = lambda *_: None
        self.table = table or MemoryTable()
        self.index = OpenWork(self.table)
        self.drops = Drops(self.table, self.index)
        self.inbox = MemoryInbox(BUCKETS["inbox"])
        work, self.results = MemoryBucket(BUCKETS["work"]), MemoryBucket(BUCKETS["results"])
        self.settings = Settings.read({**ENVIRONMENT, **environment})
        self.sagemaker = SageMaker(work, lambda: self.now)
        self.queues = Queues(lambda: self.now, rng)
        self.events = EventBus()
        self.metrics = CountedMetrics()
        self.files = self.make_files()
        self.adapters = Adapters(
            inbox=self.inbox,
            work=work,
            results=self.results,
            models=MemoryBucket(BUCKETS["models"]),
            files=self.files,
            table=self.table,
            index=self.index,
            registry=self.sagemaker,
            transforms=self.sagemaker,
            queues=self.queues,
            events=Events(self.events),
            metrics=self.metrics,
        )
        for door in DOORS:
            monkeypatch.setattr(door, "application", lambda: self.application)

    def make_files(self) -> InlineFiles:
        """The worker that reads this world's files."""
        return InlineFiles(self)

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
        models, key, artefact = self.adapters.models, f"{GROUP}/{version}/feature_spec.json", b"a model"
        models.put(key, data, "application/json")
        models.put(f"{GROUP}/{version}/model.tar.gz", artefact, "application/gzip")
        known = {
            "feature_spec_uri": models.uri(key),
            "feature_spec_sha256": sha256_hex(data),
            "model_data_sha256": sha256_hex(artefact),
        }
        arn = f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{GROUP}/{version}"
        said = {name: value for name, value in {**known, **metadata}.items() if value is not None}
        artefact_uri = models.uri(f"{GROUP}/{version}/model.tar.gz")
        package = Package(arn, GROUP, version, True, "registry/own-image:1", said, artefact_uri)
        self.sagemaker.packages.append(package)
        return package

    def reject_version(self, version: int) -> None:
        packages = self.sagemaker.packages
        packages[:] = [replace(p, approved=p.approved and p.version != version) for p in packages]

    def put(self, key: str, body: bytes, late: timedelta = timedelta()) -> str:
        """Drop a file; S3 tells the queue, perhaps late. The drop's id."""
        version = self.inbox.put(key, body)
        self.notify(key, version, late)
        return hashlib.sha256(f"{BUCKETS['inbox']}\n{key}\n{version}".encode()).hexdigest()[:20]

    def notify(self, key: str, version: str | None, late: timedelta = timedelta()) -> None:
        self.queues.inbox.send([json.dumps(notification(key, version))], late)

    def deliver_inbox(self) -> dict[str, Any]:
        """Hand prepare all messages that are there, in one batch."""
        return self._deliver(self.queues.inbox, self.queues.inbox.receive())

    def deliver_collect(self) -> dict[str, Any]:
        """Hand collect one message."""
        return self._deliver(self.queues.collect, self.queues.collect.receive(1))

    def deliver(self, queue: Queue, messages: Sequence[Message]) -> dict[str, Any]:
        """Hand a function messages that were received; those that it does not acknowledge stay hidden."""
        ended = {name for name, job in self.sagemaker.jobs.items() if job["outcome"]}
        records = [
            {"eventSource": "aws:sqs", "messageId": str(message.number), "body": message.body}
            for message in messages
        ]
        answer = self.invoke(
            prepare_door if queue is self.queues.inbox else collect_door, {"Records": records}
        )
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        for message in messages:
            if str(message.number) not in failed:
                queue.delete(message)
                self.acknowledged(message.body, ended)
        return answer

    def invoke(self, door: Any, event: dict[str, Any]) -> Any:
        """Run a function."""
        self.invocations += 1
        self.running.append(self.invocations)
        try:
            return door.handler(event, Context())
        finally:
            self.running.pop()

    def finish_jobs(self, *, tell: bool = True) -> list[str]:
        """Let all running jobs end; their names."""
        names = self.sagemaker.running
        for name in names:
            self.finish_job(name, tell=tell)
        return names

    def finish_job(self, name: str, *, tell: bool = True) -> None:
        self.sagemaker.finish(name)
        if tell:
            outcome = self.sagemaker.jobs[name]["outcome"]
            self.queues.collect.append(json.dumps(transform_event(name, outcome)))

    def sweep(self) -> SimpleNamespace:
        """What the schedule does every minute."""
        return SimpleNamespace(**self.invoke(sweep_door, SCHEDULED))

    def run(self, rounds: int = 40) -> None:
        """Let everything happen that happens by itself, without a sweep, until nothing is left to do."""
        inbox, collect = self.queues.both
        for _ in range(rounds):
            if inbox:
                self.now += timedelta(seconds=2)
                self.deliver_inbox()
            elif collect:
                self.deliver_collect()
            elif hidden := inbox.hidden + collect.hidden:
                self.now = min(message.visible_at for message in hidden)
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

    def all_items(self, prefix: str) -> list[Item]:
        """The ledger's items whose key begins so."""
        return [item for pk, item in self.table.items.items() if pk.startswith(prefix)]

    def result(self, drop_id: str) -> pa.Table:
        uri = self.drop(drop_id).result_uri
        assert uri is not None
        return _table(self.results.read(uri.removeprefix(self.results.uri(""))))

    def results_of(self, drop_id: str) -> list[str]:
        return [name for name in self.results.names("predictions/") if drop_id in name]

    def rejects(self, drop_id: str) -> list[dict[str, Any]]:
        return _table(self.results.read(f"rejects/{drop_id}.parquet")).to_pylist()

    def _deliver(self, queue: Queue, messages: Sequence[Message]) -> dict[str, Any]:
        return self.deliver(queue, messages) if messages else {"batchItemFailures": []}


def _table(data: bytes) -> pa.Table:
    table = pq.ParquetFile(io.BytesIO(data)).read(use_threads=False)
    table.validate(full=True)  # that texts are UTF-8, too
    return table
