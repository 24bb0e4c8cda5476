#!/usr/bin/env python3
"""Measures prune and check beside restic, and how space behaves over a year. See README.md."""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "compare"))

import data
import machine
import measure
import tools
import year
from data.dataset import cache_root
from measure import Cost, Failed
from place import Place, remove_tree, size_of
from run import add_tool_options, comma, find_engines
from versions import Versions

KINDS = ("prune", "beside", "check", "year", "chunks")
# So many snapshots of the source tree, of which the newer half stays.
SNAPSHOTS = 8
# A backup of what does not compress, beside a prune.
BESIDE_BYTES = 256 << 20
MANY_CHUNKS = (10_000, 100_000, 1_000_000, 10_000_000)


@dataclass(frozen=True)
class Result:
    """One measured step, or figures that are no cost."""

    kind: str
    data: str
    tool: str
    step: str
    run: int
    cost: Cost | None = None
    figures: dict | None = None

    def to_json(self) -> dict:
        fields = {name: value for name, value in vars(self).items() if value is not None}
        return fields | ({"cost": self.cost.to_json()} if self.cost else {})


def main() -> int:
    arguments = parse()
    # Ends by an exception, so that what is on tmpfs goes away.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        engines = find_engines(arguments.tools or ["orlop", "restic"], arguments, strict=True)
    except tools.Missing as missing:
        print(missing, file=sys.stderr)
        return 2
    results: list[Result] = []
    place = Place.tmpfs()
    try:
        for kind in arguments.kinds:
            for run in range(1, arguments.runs + 1):
                for result in MEASURES[kind](place, engines, arguments, run):
                    say(result)
                    results.append(result)
                    write(results, engines, arguments.output)
                if kind in ("year", "chunks"):
                    break
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        place.close()
    print(markdown(results, engines))
    return 0


def prune(place: Place, engines: list, arguments: argparse.Namespace, run: int) -> Iterator[Result]:
    """Forgets the older half of some snapshots of a tree that changed, and takes the space."""
    for engine in engines:
        place.clear()
        engine.init(place)
        with Versions(place.root / "source", tree(arguments)) as versions:
            for number in range(SNAPSHOTS):
                versions.show(number)
                engine.backup(place, versions.path)
        before = size_of(place.repository)
        engine.forget(place, keep=SNAPSHOTS // 2)
        os.sync()
        cost = measured(engine, place, *pruning(engine)).cost
        after = size_of(place.repository)
        # Whatever the first run left for a second one.
        again = measured(engine, place, *pruning(engine)).cost
        figures = {"before": before, "after": after, "after_again": size_of(place.repository)}
        yield Result("prune", "source-tree", engine.name, "prune", run, cost, figures)
        yield Result("prune", "source-tree", engine.name, "nothing to prune", run, again)
        if engine.snapshots(place) != SNAPSHOTS // 2:
            raise Failed(f"{engine.name}: a wrong number of snapshots after prune")
        prove(engine, place)


def beside(place: Place, engines: list, arguments: argparse.Namespace, run: int) -> Iterator[Result]:
    """A backup alone, and the same backup while a prune runs, each on a processor of its own."""
    engine = engines[0]
    noise = place.root / "noise"
    noise.mkdir(exist_ok=True)
    for step in ("alone", "beside a prune"):
        place.clear()
        engine.init(place)
        with Versions(place.root / "source", tree(arguments)) as versions:
            for number in range(SNAPSHOTS):
                versions.show(number)
                engine.backup(place, versions.path)
        engine.forget(place, keep=SNAPSHOTS // 2)
        (noise / "file").write_bytes(os.urandom(arguments.beside_bytes))
        os.sync()
        command = engine.command(place, "--threads", "1", "backup", str(noise))
        with Pruning(engine, place, beside=step != "alone") as other:
            cost = pinned(engine, place, 0, command).cost
        figures = {"prunes": other.done}
        yield Result("beside", "noise", engine.name, step, run, cost, figures)
        prove(engine, place)
    remove_tree(noise)


class Pruning:
    """Prunes again and again on the second processor until it is left."""

    def __init__(self, engine, place: Place, *, beside: bool):
        self.command = [
            "taskset", "-c", "1", *engine.command(place, "--threads", "1", *pruning(engine))
        ]
        self.environment = engine.environment(place)
        self.beside = beside
        self.done = 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Pruning":
        if self.beside:
            self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.stop.set()
        if self.beside:
            self.thread.join()

    def _run(self) -> None:
        while not self.stop.is_set():
            done = subprocess.run(
                self.command, env=self.environment, capture_output=True, check=False
            )
            self.done += done.returncode == 0


def check(place: Place, engines: list, arguments: argparse.Namespace, run: int) -> Iterator[Result]:
    """Proves the structure, and every byte."""
    for name in ("source-tree", "incompressible"):
        source = tree(arguments) if name == "source-tree" else dataset(name)
        for engine in engines:
            place.clear()
            engine.init(place)
            engine.backup(place, source)
            for step, options in (("check", []), ("check --read-data", ["--read-data"])):
                os.sync()
                done = measured(engine, place, "check", *options)
                yield Result("check", name, engine.name, step, run, done.cost)


def year_of_pages(
    place: Place, engines: list, arguments: argparse.Namespace, run: int
) -> Iterator[Result]:
    """A database of which pages are rewritten, backed up, thinned out and pruned every day."""
    engine = engines[0]
    place.clear()
    engine.init(place)
    days = year.simulate(engine, place, days=arguments.days, size=arguments.database_bytes)
    worst, last = max(day.ratio for day in days), days[-1]
    figures = {
        "days": len(days),
        "live": last.live,
        "stored": last.stored,
        "ratio_at_the_end": round(last.ratio, 3),
        "ratio_at_the_worst": round(worst, 3),
    }
    yield Result("year", "database", engine.name, f"{len(days)} days", run, None, figures)
    prove(engine, place)


def chunks(
    place: Place, engines: list, arguments: argparse.Namespace, run: int
) -> Iterator[Result]:
    """A prune of ever more chunks; through the library, since no disk here holds so many."""
    del place, engines
    line = re.compile(r"(\d+) chunks in (\d+) snapshots: ([\d.]+) s, (\d+) MiB at the peak")
    for count in MANY_CHUNKS:
        if count > arguments.most_chunks:
            return
        command = ["cargo", "test", "--release", "--test", "maintain", "of_many_chunks"]
        environment = os.environ | {
            "ORLOP_CHUNKS": str(count),
            "ORLOP_SNAPSHOTS": str(arguments.snapshots),
        }
        done = subprocess.run(
            [*command, "--", "--ignored", "--nocapture"],
            env=environment,
            cwd=HERE.parents[1],
            capture_output=True,
            text=True,
            check=False,
        )
        found = line.search(done.stdout)
        if done.returncode != 0 or not found:
            raise Failed(f"of_many_chunks with {count} chunks: {done.stdout}{done.stderr[-2000:]}")
        figures = {
            "chunks": int(found[1]),
            "snapshots": int(found[2]),
            "wall_s": float(found[3]),
            "peak_mib": int(found[4]),
        }
        step = f"prune of {figures['chunks']:,}"
        yield Result("chunks", "device", "orlop", step, run, None, figures)


MEASURES = {
    "prune": prune,
    "beside": beside,
    "check": check,
    "year": year_of_pages,
    "chunks": chunks,
}


def pruning(engine) -> list[str]:
    # Neither waits before it deletes.
    return ["prune", "--grace", "0s"] if engine.name.startswith("orlop") else ["prune"]


def measured(engine, place: Place, *arguments: str) -> measure.Finished:
    return pinned(engine, place, None, engine.command(place, *arguments))


def pinned(engine, place: Place, processor: int | None, command: list[str]) -> measure.Finished:
    if processor is not None:
        command = ["taskset", "-c", str(processor), *command]
    log = place.home / "log" / "measured"
    return measure.run(command, log=log, env=engine.environment(place))


def prove(engine, place: Place) -> None:
    """Every byte of what is left is there, else the figures mean nothing."""
    log = place.home / "log" / "unmeasured"
    command = engine.command(place, "check", "--read-data")
    measure.quietly(command, log=log, env=engine.environment(place))


def dataset(name: str) -> Path:
    made = data.make(name)
    made.ensure()
    made.show("before")
    return made.path


def tree(arguments: argparse.Namespace) -> Path:
    """The source tree, or the part of it that was asked for."""
    return dataset("source-tree") / arguments.part


def say(result: Result) -> None:
    said = f"{result.kind} {result.data} {result.tool} {result.step}, run {result.run}:"
    if cost := result.cost:
        said += (
            f" {cost.wall_s:.2f} s wall, {cost.cpu_s:.2f} s cpu, {cost.peak_bytes >> 20} MiB,"
            f" others took {cost.foreign_share:.0%}"
        )
    if result.figures:
        said += f" {json.dumps(result.figures)}"
    print(said, file=sys.stderr, flush=True)


def write(results: list[Result], engines: list, output: Path) -> None:
    output.mkdir(parents=True, exist_ok=True)
    text = json.dumps([result.to_json() for result in results], indent=1)
    (output / "maintenance.json").write_text(text)
    (output / "maintenance.md").write_text(markdown(results, engines))


def markdown(results: list[Result], engines: list) -> str:
    """One line a step: medians over the runs."""
    about = ", ".join(f"{name} {value}" for name, value in machine.describe().items())
    versions = ", ".join(engine.version() for engine in engines)
    lines = [
        "# Maintenance",
        "",
        f"Machine: {about}. Tools: {versions}. Data below {cache_root().name}.",
        "",
        "| kind | data | step | tool | wall | processor | peak memory | figures |",
        "|---|---|---|---|--:|--:|--:|---|",
    ]
    series: dict[tuple, list[Result]] = {}
    for result in results:
        key = (result.kind, result.data, result.step, result.tool)
        series.setdefault(key, []).append(result)
    for (kind, what, step, tool), runs in sorted(series.items()):
        costs = [result.cost for result in runs if result.cost]
        columns = ["", "", ""]
        if costs:
            columns = [
                f"{middle([cost.wall_s for cost in costs]):.2f} s",
                f"{middle([cost.cpu_s for cost in costs]):.2f} s",
                f"{middle([cost.peak_bytes for cost in costs]) / (1 << 20):.0f} MiB",
            ]
        figures = runs[-1].figures or {}
        said = ", ".join(f"{name} {value}" for name, value in figures.items())
        lines.append(f"| {kind} | {what} | {step} | {tool} | {' | '.join(columns)} | {said} |")
    return "\n".join(lines) + "\n"


def middle(values: list[float]) -> float:
    ordered = sorted(values)
    half = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[half]
    return (ordered[half - 1] + ordered[half]) / 2


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add_tool_options(parser)
    parser.add_argument("--kinds", type=comma(KINDS), default=list(KINDS))
    parser.add_argument("--runs", type=int, default=3, help="of prune, beside and check")
    parser.add_argument("--part", default="", help="only this folder of the source tree")
    parser.add_argument("--beside-bytes", type=int, default=BESIDE_BYTES)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--database-bytes", type=int, default=64 << 20)
    parser.add_argument("--most-chunks", type=int, default=MANY_CHUNKS[-1])
    parser.add_argument("--snapshots", type=int, default=1_000, help="beside the many chunks")
    parser.add_argument("--output", type=Path, default=Path("maintenance-results"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
