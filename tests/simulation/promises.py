"""What holds in the end, whatever has happened: the five promises of the design."""

from __future__ import annotations

import re
import sys
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from dropscore.approved import CurrentModel
from dropscore.aws.ledger import Catalogue, Versions
from dropscore.domain.catalogue import Arrived, ByVersion, Everything, InState, OfKey, Page, Selection
from dropscore.domain.drop import FINAL_STATES, MAX_STEPS, TRANSITIONS, Drop, DropState
from dropscore.domain.errors import MAX_MESSAGE, ModelUnusable
from dropscore.handlers import invocation
from dropscore.prepare import MAX_READ_FAILURES
from tests.simulation.lagging import WatchedTable, demand
from tests.simulation.watching import EXPECTED, JobWatch, held, watch_results
from tests.simulation.world import World

MOST_TRIES = 12
"""Jobs of a drop before it is given up: halving what one of these tests puts in, whole tries between."""

GONE = re.compile("source gone")


@dataclass
class Dropped:
    """What the user put in; `ends` is where it has to end, if there is but one such state."""

    rows: int
    bad_rows: int = 0
    readable: bool = True
    ends: DropState | None = None


@dataclass
class Promises:
    """The promises about the drops of a world."""

    world: World
    dropped: dict[str, Dropped] = field(default_factory=dict)
    revived: set[str] = field(default_factory=set)
    excused: re.Pattern[str] = GONE
    """Reasons for which a drop may be rejected that has no fault of its own."""

    def __post_init__(self) -> None:
        assert isinstance(self.world.table, WatchedTable)
        self.history = self.world.table.history
        self.jobs = JobWatch(self.world)

    def watch(self, monkeypatch: Any) -> None:
        """From now on hear of what breaks a promise at once."""
        self.jobs.watch()
        watch_results(self.world.results)
        self.world.acknowledged = self._check_acknowledged
        monkeypatch.setattr(invocation.logger, "exception", _returned)

    def kept(self) -> None:
        """Check all that can be checked once the world has come to rest."""
        demand(self.at_rest(), f"the world does not come to rest: {self._left()}")
        for drop_id, put in self.dropped.items():
            drop = self.world.drop(drop_id)
            self._check_history(drop)
            self._check_results(drop)
            demand(put.ends in (None, drop.state), f"{drop} should be {put.ends}")
            if drop.state.final:
                self._check_final(drop, put)
        self._check_jobs()
        self._check_catalogue()
        for _ in range(2):
            swept = self.world.sweep()
            demand(set(vars(swept).values()) == {0}, f"the sweep does not come to rest: {swept}")

    def at_rest(self) -> bool:
        """Whether nothing is left to do: no messages, no jobs, and every drop where it may stay."""
        return not self._left()

    def ended(self) -> bool:
        """Whether every drop is where it has to end."""
        return all(
            self.world.drop(drop_id).state == put.ends for drop_id, put in self.dropped.items() if put.ends
        )

    def _left(self) -> list[Any]:
        """What is left to do."""
        world = self.world
        messages = [message for queue in world.queues.both for message in queue.messages]
        if left := [*messages, *world.sagemaker.running]:
            return left
        left = [item for item in world.all_items("job#") if item["state"] not in ("DONE", "FAILED")]
        known = {drop_id: world.drops.get(drop_id) for drop_id in self.dropped}
        return left + [
            drop or drop_id for drop_id, drop in known.items() if not (drop and self._may_stay(drop))
        ]

    def _may_stay(self, drop: Drop) -> bool:
        if drop.state is DropState.PREPARED and drop.model:
            return Versions(self.world.table).get(drop.model.package_arn).held is not None
        return (
            drop.announced if drop.state.final else drop.state is DropState.WAITING and not self._has_model()
        )

    def _has_model(self) -> bool:
        try:
            CurrentModel(self.world.adapters.registry, self.world.adapters.models).get()
        except ModelUnusable:
            return False
        return True

    def _check_final(self, drop: Drop, put: Dropped) -> None:
        """Promise 1, and that everything is announced."""
        told = Counter((detail["drop_id"], detail["state"]) for _, detail in self.world.events.told)
        was = [item["state"] for item in self.history[f"drop#{drop.drop_id}"]]
        for state in FINAL_STATES:
            demand(told[drop.drop_id, state.value] >= was.count(state), f"{drop}, {was}: {told}")
        if drop.state is DropState.SCORED:
            demand(put.readable, f"{drop} was never readable")
            self._check_rows(drop, put)
            return
        demand(drop.reason, f"{drop} does not say why")
        self._check_nothing_scored(drop)
        if drop.state is DropState.FAILED:
            lone = self.jobs.failed_alone(drop.drop_id)
            unread = drop.read_failures + 1 >= MAX_READ_FAILURES
            demand(len(lone) >= 2 or unread, f"{drop} was given up after the jobs {lone}")
        elif put.readable and put.bad_rows <= put.rows / 2 and drop.drop_id not in self.world.files.blamed:
            demand(self.excused.search(str(drop.reason)), f"{drop} had no fault")

    def _check_nothing_scored(self, drop: Drop) -> None:
        """Promise 4 of a drop that has no result: whoever asks for its counts is told the same."""
        events = [
            d for _, d in self.world.events.told if (d["drop_id"], d["state"]) == (drop.drop_id, drop.state)
        ]
        told = {(d["rows_in"], d["rows_scored"], d["rows_rejected"]) for d in events}
        demand(drop.rows_scored == 0 and {scored for _, scored, _ in told} == {0}, f"{drop}: {told}")
        if drop.state is DropState.REJECTED:
            counted = (drop.rows_in, drop.rows_scored, drop.rows_rejected)
            demand(counted == (drop.rows_in, 0, drop.rows_in) and told == {counted}, f"{drop}: {told}")

    def _check_rows(self, drop: Drop, put: Dropped) -> None:
        """Promise 4."""
        counted = (drop.rows_in, drop.rows_scored, drop.rows_rejected)
        demand(counted == (put.rows, put.rows - put.bad_rows, put.bad_rows), f"{drop}: {put}")
        result = self.world.result(drop.drop_id)
        scored, predictions = result["row"].to_pylist(), result["prediction"].to_pylist()
        rejected = [r["row"] for r in self.world.rejects(drop.drop_id)] if drop.rejects_uri else []
        demand(sorted(scored + rejected) == list(range(put.rows)), f"{drop}: rows {scored} and {rejected}")
        demand(predictions == [row / 2 for row in scored], f"{drop}: predictions {predictions}")

    def _check_results(self, drop: Drop) -> None:
        """Promise 2."""
        names = self.world.results_of(drop.drop_id)
        versions = Counter(re.findall(r"model_version=(\d+)/", " ".join(names)))
        demand(max(versions.values(), default=0) <= 1, f"{drop} has the results {names}")
        if drop.state is DropState.SCORED:
            demand(any(str(drop.result_uri).endswith(name) for name in names), f"{drop}: {names}")
        elif drop.drop_id not in self.revived and self.dropped[drop.drop_id].rows:
            early = [name for name in names if f"predictions/{name}" not in self.world.results.landed]
            demand(not early, f"{drop} has the results {early}")

    def _check_history(self, drop: Drop) -> None:
        seen = [DropState(item["state"]) for item in self.history[f"drop#{drop.drop_id}"]]
        told = [DropState(e["state"]) for e in self.world.table.items[f"drop#{drop.drop_id}"]["history"]]
        kept = seen if len(seen) <= MAX_STEPS else [seen[0], *seen[1 - MAX_STEPS :]]
        demand(kept == told, f"{drop}: was {seen}, says {told}")
        for item in self.history[f"drop#{drop.drop_id}"]:
            counted = {"rows_in", "rows_rejected", "shards", "prepared_at"} & {*item}
            demand(item["state"] not in ("WAITING", "PREPARING") or not counted, f"{drop}: {item}")
            demand(len(item.get("reason", "").encode()) <= MAX_MESSAGE, f"{drop}: a long reason")
        for before, after in pairwise(seen):
            demand(after in TRANSITIONS[before], f"{drop}: {seen}")

    def _check_jobs(self) -> None:
        """Of promise 3 what can be seen in the end: SageMaker's jobs are the ledger's, and not too many."""
        known = {job["job"]: job for job in self.world.all_items("job#")}
        for name, members in self.jobs.members().items():
            demand(name in known, f"the ledger does not know the job {name}")
            planned = {member.split("/")[0] for member in known[name]["members"]}
            demand(members == planned, f"{known[name]} was started with {members}")
        excused = Counter(drop_id for name in self.jobs.aws_failed() for drop_id in self.jobs.members()[name])
        for drop_id in set(self.dropped) - self.revived:
            tries = self.world.drop(drop_id).tries - excused[drop_id]
            demand(tries <= MOST_TRIES, f"{drop_id} was in {tries} jobs")

    def _check_catalogue(self) -> None:
        """Whoever lists drops finds each of them, once."""
        items = self.world.all_items("drop#")
        shelves: dict[Selection, list[str]] = {Everything(): [item["drop_id"] for item in items]}
        for item in items:
            selections: list[Selection] = [InState(DropState(item["state"])), OfKey(item["source_key"])]
            if "model_version" in item:
                selections.append(ByVersion(int(item["model_version"])))
            for selection in selections:
                shelves.setdefault(selection, []).append(item["drop_id"])
        for selection, ids in shelves.items():
            found = [drop.drop_id for page in self._pages(selection) for drop in page.drops]
            demand(sorted(found) == sorted(ids), f"{selection} has {found}, and the ledger {ids}")

    def _pages(self, selection: Selection) -> Iterator[Page]:
        catalogue = Catalogue(self.world.table)
        page = catalogue.page(selection, Arrived(), 3, None)
        while page.position is not None:
            yield page
            page = catalogue.page(selection, Arrived(), 3, page.position)
        yield page

    def _check_acknowledged(self, body: str, ended: set[str]) -> None:
        """Promise 5."""
        demand(held(self.world, body, ended), f"acknowledged, and the ledger does not hold it: {body}")


def _returned(*_: Any, **__: Any) -> None:
    """A message goes back to the queue: for a reason, not for a defect."""
    error = sys.exception()
    demand(isinstance(error, EXPECTED), f"a message failed: {error!r}\n{traceback.format_exc()}")
