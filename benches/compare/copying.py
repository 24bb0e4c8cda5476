#!/usr/bin/env python3
"""Copying snapshots to another repository with other keys, orlop beside restic. See README.md."""

import argparse
import json
import os
import signal
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

import data
import machine
import tools
from cycle import warm
from measure import Cost, Failed
from place import Place, remove_tree, size_of
from run import add_tool_options, comma, find_engines
from verify import Differs, same

STEPS = ("copy", "copy again", "copy next")


@dataclass(frozen=True)
class Record:
    """One measured copy."""

    data: str
    tool: str
    step: str
    run: int
    cost: Cost
    repository_bytes: int

    def to_json(self) -> dict:
        return vars(self) | {"cost": self.cost.to_json()}


def main() -> int:
    arguments = parse()
    # Ends by an exception, so that what is on tmpfs goes away.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        engines = find_engines(arguments.tools or ["orlop", "restic"], arguments, strict=True)
    except tools.Missing as missing:
        print(missing, file=sys.stderr)
        return 2
    sources = [(name, made_source(name)) for name in arguments.data]
    sources += [(str(folder), folder) for folder in arguments.folder]
    place = Place.disk(arguments.scratch) if arguments.scratch else Place.tmpfs()
    records: list[Record] = []
    try:
        for name, source in sources:
            warm(source)
            for run in range(arguments.runs + 1):
                for engine in engines:
                    for record in copies(place, engine, name, source, run):
                        say(record)
                        if run > 0:
                            records.append(record)
                if run > 0:
                    write(records, engines, arguments.output)
    except (Failed, Differs) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        place.close()
    print(markdown(records, engines))
    return 0


def made_source(name: str) -> Path:
    made = data.make(name)
    made.ensure()
    return made.path


def copies(place: Place, engine: tools.Engine, name: str, source: Path, run: int):
    """One snapshot into an empty repository; once more; then a second snapshot of the same."""
    place.clear()
    other = Place(place.root / "other", place.name)
    remove_tree(other.root)
    other.root.mkdir()
    other.clear()
    engine.init(place)
    engine.init(other)
    engine.backup(place, source)
    for step in STEPS:
        if step == "copy next":
            engine.backup(place, source)
        os.sync()
        finished = engine.copy(place, other)
        yield Record(name, engine.name, step, run, finished.cost, size_of(other.repository))
    if engine.snapshots(other) != 2:
        raise Differs(f"{engine.name}: {engine.snapshots(other)} snapshots were copied, not 2")
    if run == 0:
        engine.restore(other, source, sparse=False)
        same(source, engine.restored_root(other, source), everything=True)
        remove_tree(other.target)


def say(made: Record) -> None:
    counted = f"run {made.run}" if made.run else "warm-up"
    print(
        f"{made.data} {made.tool} {made.step} {counted}: {made.cost.wall_s:.2f} s wall,"
        f" {made.cost.cpu_s:.2f} s cpu, {made.cost.peak_bytes >> 20} MiB,"
        f" others took {made.cost.foreign_share:.0%}",
        file=sys.stderr,
        flush=True,
    )


def write(records: list[Record], engines: list[tools.Engine], output: Path) -> None:
    output.mkdir(parents=True, exist_ok=True)
    text = json.dumps([record.to_json() for record in records], indent=1)
    (output / "copy.json").write_text(text)
    (output / "copy.md").write_text(markdown(records, engines))


def markdown(records: list[Record], engines: list[tools.Engine]) -> str:
    """Medians, one line a step and tool."""
    about = ", ".join(f"{name} {value}" for name, value in machine.describe().items())
    versions = ", ".join(engine.version() for engine in engines)
    lines = [
        "# Copying to another repository",
        "",
        f"Machine: {about}. Tools: {versions}.",
        "",
        "| data | step | tool | wall | processor | peak memory | repository | others took |",
        "|---|---|---|--:|--:|--:|--:|--:|",
    ]
    series: dict[tuple, list[Record]] = {}
    for record in records:
        series.setdefault((record.data, record.step, record.tool), []).append(record)
    for (name, step, tool), found in series.items():

        def median(of) -> float:
            return statistics.median(of(record) for record in found)

        lines.append(
            f"| {name} | {step} | {tool} | {median(lambda r: r.cost.wall_s):.2f} s |"
            f" {median(lambda r: r.cost.cpu_s):.2f} s |"
            f" {median(lambda r: r.cost.peak_bytes) / (1 << 20):.0f} MiB |"
            f" {median(lambda r: r.repository_bytes) / (1 << 20):.1f} MiB |"
            f" {median(lambda r: r.cost.foreign_share):.0%} |"
        )
    return "\n".join(lines) + "\n"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add_tool_options(parser)
    parser.add_argument("--data", type=comma(data.NAMES), default=[])
    parser.add_argument(
        "--folder", type=Path, action="append", default=[], help="copy this folder; repeatable"
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument(
        "--scratch", type=Path, help="folder for trees and repositories; default: on tmpfs"
    )
    parser.add_argument("--output", type=Path, default=Path("compare-results"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
