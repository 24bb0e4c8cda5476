"""One cycle: one tool, one data set, every step once, from an empty repository."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import measure
import verify
from data import DataSet
from measure import Cost
from place import Place, remove_tree, size_of
from tools import Added, Engine

FIRST, AGAIN, CHANGE, RESTORE = "first", "again", "change", "restore"
STEPS = (FIRST, AGAIN, CHANGE, RESTORE)


@dataclass(frozen=True)
class Record:
    """What one step of one run cost. Bytes are None where they are not known or not asked."""

    place: str
    data: str
    tool: str
    step: str
    run: int
    cost: Cost
    repository_bytes: int | None = None
    grown_bytes: int | None = None
    added_raw: int | None = None
    added_stored: int | None = None
    # Processor seconds of the parts of a sum.
    parts: dict | None = None

    def to_json(self) -> dict:
        fields = {name: value for name, value in vars(self).items() if value is not None}
        return fields | {"cost": self.cost.to_json()}


class Cycle:
    """Runs the steps and checks after each that its work was done."""

    def __init__(
        self,
        place: Place,
        data: DataSet,
        steps: tuple[str, ...],
        before_step: Callable[[], None] = os.sync,
    ):
        self.place = place
        self.data = data
        self.steps = steps
        self.before_step = before_step

    def run(self, engine: Engine, run: int, *, everything: bool) -> list[Record]:
        """One cycle of `engine`. With `everything`, restored content is compared whole."""
        place, data = self.place, self.data
        place.clear()
        data.show("before")
        engine.init(place)
        records = [self._backup(engine, FIRST, run, snapshots=1)]
        made = 1
        # What was changed in place a moment ago has not settled, and Orlop reads it again: with
        # `--steps first,again` such data stays as it is and is backed up as others are.
        if AGAIN in self.steps and not (CHANGE in self.steps and data.changes):
            made += 1
            records.append(self._backup(engine, AGAIN, run, snapshots=made))
        if CHANGE in self.steps and data.changes:
            data.show("after")
            made += 1
            records.append(self._backup(engine, CHANGE, run, snapshots=made))
        if RESTORE in self.steps:
            self.before_step()
            finished = engine.restore(place, data.path, sparse=data.sparse)
            root = engine.restored_root(place, data.path)
            verify.same(data.path, root, everything=everything, seed=run)
            records.append(self._record(engine, RESTORE, run, finished.cost))
        place.clear()
        return records

    def _backup(self, engine: Engine, step: str, run: int, *, snapshots: int) -> Record:
        before = size_of(self.place.repository)
        self.before_step()
        finished, added = engine.backup(self.place, self.data.path)
        held = engine.snapshots(self.place)
        if held != snapshots:
            raise verify.Differs(f"{engine.name}: {held} snapshots after the backup {snapshots}")
        after = size_of(self.place.repository)
        return self._record(engine, step, run, finished.cost, added, after, after - before)

    def _record(
        self,
        engine: Engine,
        step: str,
        run: int,
        cost: Cost,
        added: Added = Added(),
        repository_bytes: int | None = None,
        grown_bytes: int | None = None,
    ) -> Record:
        return Record(
            place=self.place.name,
            data=self.data.name,
            tool=engine.name,
            step=step,
            run=run,
            cost=cost,
            repository_bytes=repository_bytes,
            grown_bytes=grown_bytes,
            added_raw=added.raw,
            added_stored=added.stored,
        )


def find_listing(place: Place, data: DataSet, run: int) -> Record:
    """The floor of an unchanged backup: every name's size and times, by `find`."""
    finished = measure.run(
        ["find", str(data.path), "-printf", r"%s %T@ %C@ %i\n"], log=place.root / "find"
    )
    return Record(place.name, data.name, "find", AGAIN, run, finished.cost)


def primitives(program: Path, place: Place, data: DataSet, run: int, suite: str) -> Record:
    """The floor of a first backup: the primitives on one thread, each for itself.

    Only their processor time means anything; it is what the program itself counted of each.
    """
    place.clear()
    data.show("before")
    target = place.root / "primitives"
    target.mkdir(parents=True)
    command = [str(program), str(data.path), str(target), suite]
    finished = measure.run(command, log=place.root / "primitives-log")
    spent = json.loads(finished.stdout)
    cost = replace(finished.cost, user_s=spent.pop("sum"), system_s=0.0)
    place.clear()
    remove_tree(target)
    name = "primitives" if suite == "xchacha" else f"primitives-{suite}"
    return Record(place.name, data.name, name, FIRST, run, cost, parts=spent)


def warm(path: Path) -> None:
    """Reads all of `path`, so that the page cache holds it."""
    buffer = bytearray(4 << 20)
    for folder, _, names in os.walk(path):
        for name in names:
            file = os.path.join(folder, name)
            if not os.path.islink(file):
                with open(file, "rb", buffering=0) as source:
                    while source.readinto(buffer):
                        pass


