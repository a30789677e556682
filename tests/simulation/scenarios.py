"""The scenarios whose every side effect is a crash point: what is put in, and what goes wrong by itself."""

from __future__ import annotations

from datetime import timedelta

from dropscore.domain.drop import DropState
from dropscore.handlers import sweep as sweep_door
from dropscore.prepare import MAX_READ_FAILURES
from tests.simulation.arrivals import NO_DROPS, readings
from tests.simulation.promises import Dropped, Promises
from tests.simulation.world import World


class Scenario:
    """What happens in a world by itself, besides messages, jobs and sweeps.

    Attributes
    ----------
    most_jobs
        How many transform jobs there may be, wherever a function is killed.
    job_takes
        How long a job runs.
    """

    most_jobs = 1
    job_takes = timedelta(0)

    def __init__(self, world: World, promises: Promises) -> None:
        self.world = world
        self.promises = promises

    def begin(self) -> None:
        """What is there at first."""
        raise NotImplementedError

    def operate(self) -> None:
        """What the operator does, minute by minute; what did not come to pass is done again."""

    def put(
        self, key: str, rows: int = 4, *, ends: DropState = DropState.SCORED, body: bytes | None = None
    ) -> str:
        drop_id = self.world.put(key, readings(rows) if body is None else body)
        self.promises.dropped[drop_id] = Dropped(rows, readable=body is None, ends=ends)
        return drop_id

    def failed(self) -> list[str]:
        return [
            item["drop_id"] for item in self.world.all_items("drop#") if item["state"] == DropState.FAILED
        ]

    def retry(self, drop_ids: list[str]) -> None:
        """The operator wants FAILED drops tried again."""
        self.promises.revived |= {*drop_ids}
        self.world.invoke(sweep_door, {"retry": drop_ids})


class OneDrop(Scenario):
    def begin(self) -> None:
        self.world.approve()
        self.put("a.parquet")


class TwoVersionsOfAKey(Scenario):
    most_jobs = 2

    def begin(self) -> None:
        self.world.approve()
        self.put("company_id=1/a.parquet", 2)
        self.put("company_id=1/a.parquet", 5)


class ABatchWithABadFile(Scenario):
    most_jobs = 2

    def begin(self) -> None:
        self.world.approve()
        self.put("a.parquet")
        self.put("bad.parquet", ends=DropState.REJECTED, body=b"no parquet")
        self.put("empty.parquet", 0)
        self.world.put(NO_DROPS[0], readings(4))


class NoModelThenOne(Scenario):
    def begin(self) -> None:
        self.put("a.parquet")

    def operate(self) -> None:
        if not self.world.sagemaker.packages and self._waits():
            self.world.approve()

    def _waits(self) -> bool:
        return any(item["state"] == DropState.WAITING for item in self.world.all_items("drop#"))


class AJobThatFails(Scenario):
    """One of its drops is poison; the operator cures it and has it scored again."""

    most_jobs = 6

    def begin(self) -> None:
        self.world.approve()
        self.world.sagemaker.poison = {self.put("poison.parquet"): 99}
        self.put("a.parquet")

    def operate(self) -> None:
        if failed := self.failed():
            self.world.sagemaker.poison.clear()
            self.retry(failed)


class AQuotaOfOne(Scenario):
    most_jobs = 2

    def begin(self) -> None:
        self.world.approve()
        self.world.sagemaker.quota = 1
        self.world.set_brakes(max_drops=1)
        self.put("a.parquet")
        self.put("b.parquet")


class AJobWithRowsMissing(Scenario):
    """Its jobs take long, so that a part that comes again may find its drop in the next one."""

    most_jobs = 3
    job_takes = timedelta(minutes=45)

    def begin(self) -> None:
        self.world.approve()
        short = self.put("short.parquet")
        self.put("a.parquet")
        self.world.sagemaker.short = {short: 1}


class ABrokenModelVersion(Scenario):
    """It puts out nothing, until the operator has mended it, releases it and has FAILED drops scored again.

    A drop that a kill has left alone in its job is FAILED before the version is held.
    """

    most_jobs = 6

    def begin(self) -> None:
        self.package = self.world.approve()
        self.world.sagemaker.broken = {1}
        self.put("a.parquet")
        self.put("b.parquet")

    def operate(self) -> None:
        failed = self.failed()
        held = "held" in self.world.table.items.get(f"version#{self.package.arn}", {})
        if failed or held:
            self.world.sagemaker.broken.clear()
        if failed:
            self.retry(failed)
        if held:
            self.world.invoke(sweep_door, {"release": self.package.arn})


class NoCapacityForAnHour(Scenario):
    """AWS has no instances when the job is to start."""

    most_jobs = 9

    def begin(self) -> None:
        self.world.approve()
        self.world.sagemaker.no_capacity_until = self.world.now + timedelta(hours=1)
        self.put("a.parquet")
        self.put("b.parquet")


class FilesThatKillTheirReader(Scenario):
    most_jobs = 3

    def begin(self) -> None:
        self.world.approve()
        self.put("a.parquet")
        self.world.files.unreadable = {self.put("unreadable.parquet", ends=DropState.REJECTED)}
        self.world.files.unjoinable = {self.put("unjoinable.parquet", ends=DropState.FAILED)}


class AnArchivedObject(Scenario):
    """S3 gives it to nobody for a day; the operator restores it then, and has it scored."""

    most_jobs = 2

    def begin(self) -> None:
        self.world.approve()
        self.put("a.parquet")
        self.archived = self.put("archived.parquet")
        self.world.inbox.refuses["archived.parquet"] = "InvalidObjectState"

    def operate(self) -> None:
        item = self.world.table.items.get(f"drop#{self.archived}", {})
        if 0 < item.get("read_failures", 0) < MAX_READ_FAILURES - 2:
            item["read_failures"] = MAX_READ_FAILURES - 2  # the day passes
        if failed := self.failed():
            self.world.inbox.refuses.clear()
            self.retry(failed)


class APutThatLandsADayLate(Scenario):
    """A reader is killed while it puts a result, which is there only after the drop has left the job."""

    most_jobs = 3

    def begin(self) -> None:
        self.world.approve()
        self.world.results.late = 1
        self.put("a.parquet")
        self.put("b.parquet")

    def operate(self) -> None:
        if self.world.results.on_the_way:
            self.world.now += timedelta(days=1)
            self.world.results.land()


def name_of(scenario: type[Scenario]) -> str:
    words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in scenario.__name__)
    return words.removeprefix("_")


SCENARIOS: dict[str, type[Scenario]] = {name_of(scenario): scenario for scenario in Scenario.__subclasses__()}
SMALLEST = "one_drop"
"""The scenario in which every pair of crash points is tried."""
