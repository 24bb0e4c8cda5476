#!/usr/bin/env python3
"""How cost grows: with snapshots, with files, and on a huge sparse image. See README.md."""

import argparse
import json
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import machine
import tools
from measure import Cost, Failed
from place import Place, remove_tree, size_of
from run import add_tool_options, comma, find_engines
from verify import Differs, same

KINDS = ("snapshots", "files", "image")
FILES_A_FOLDER = 1_000
SNAPSHOT_FILES = 2_000
CHANGED_A_SNAPSHOT = 20
IMAGE_BYTES = 1 << 40
# So many islands of data in the image, this long and evenly spread.
ISLANDS, ISLAND_BYTES = 1_024, 64 << 10


@dataclass(frozen=True)
class Point:
    """One measured step at one size."""

    kind: str
    tool: str
    step: str
    size: int
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
    place = Place.disk(arguments.scratch) if arguments.scratch else Place.tmpfs()
    points: list[Point] = []
    try:
        for kind in arguments.kinds:
            for engine in engines:
                for point in MEASURES[kind](place, engine, arguments.most):
                    say(point)
                    points.append(point)
                    write(points, engines, arguments.output)
    except (Failed, Differs) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        place.close()
    print(markdown(points, engines))
    return 0


def snapshots(place: Place, engine: tools.Engine, most: int | None) -> Iterator[Point]:
    """Backs a small tree up again and again; each time 1% of its files are new."""
    source = fresh_source(place)
    make_files(source, 0, SNAPSHOT_FILES)
    engine.init(place)
    last = min(most or 1_000, 1_000)
    for number in range(1, last + 1):
        for changed in range(CHANGED_A_SNAPSHOT):
            which = (number * CHANGED_A_SNAPSHOT + changed) % SNAPSHOT_FILES
            write_file(source, which, f"snapshot {number}")
        finished, _ = engine.backup(place, source)
        if number in (10, 100, 1_000) or number == last:
            yield point(place, "snapshots", engine, "backup", number, finished.cost)
            remove_tree(place.target)
            restored = engine.restore(place, source, sparse=False)
            same(source, engine.restored_root(place, source), everything=True)
            remove_tree(place.target)
            yield point(place, "snapshots", engine, "restore", number, restored.cost)


def files(place: Place, engine: tools.Engine, most: int | None) -> Iterator[Point]:
    """First backup, nothing changed, and restore of ever more small files."""
    for count in (10_000, 100_000, 1_000_000):
        if most and count > most:
            return
        source = fresh_source(place)
        make_files(source, 0, count)
        engine.init(place)
        for step in ("first", "again"):
            finished, _ = engine.backup(place, source)
            yield point(place, "files", engine, step, count, finished.cost)
        finished = engine.restore(place, source, sparse=False)
        same(source, engine.restored_root(place, source), everything=False)
        yield point(place, "files", engine, "restore", count, finished.cost)


def image(place: Place, engine: tools.Engine, most: int | None) -> Iterator[Point]:
    """An image of 1 TiB that holds 64 MiB: holes must cost nothing, not even reading."""
    size = min(most or IMAGE_BYTES, IMAGE_BYTES)
    source = fresh_source(place)
    with (source / "disk.img").open("wb") as out:
        os.truncate(out.fileno(), size)
        for island in range(ISLANDS):
            out.seek(size // ISLANDS * island)
            out.write(os.urandom(min(ISLAND_BYTES, size // ISLANDS)))
    engine.init(place)
    for step in ("first", "again"):
        finished, _ = engine.backup(place, source)
        yield point(place, "image", engine, step, size, finished.cost)
    finished = engine.restore(place, source, sparse=True)
    root = engine.restored_root(place, source)
    same(source, root, everything=False)
    held = allocated(root / "disk.img") / allocated(source / "disk.img")
    step = f"restore, takes {held:.1f}x the source's space"
    yield point(place, "image", engine, step, size, finished.cost)


MEASURES = {"snapshots": snapshots, "files": files, "image": image}


def fresh_source(place: Place) -> Path:
    place.clear()
    source = place.root / "source"
    remove_tree(source)
    source.mkdir()
    return source


def make_files(source: Path, first: int, count: int) -> None:
    for number in range(first, first + count):
        if number % FILES_A_FOLDER == 0:
            (source / f"{number // FILES_A_FOLDER:04}").mkdir()
        write_file(source, number, "first")


def write_file(source: Path, number: int, word: str) -> None:
    """A file of about 200 bytes that is like no other."""
    folder = source / f"{number // FILES_A_FOLDER:04}"
    (folder / f"{number:07}.txt").write_text(f"{word} {number} " * 10)


def allocated(path: Path) -> int:
    return path.stat().st_blocks * 512


def point(
    place: Place, kind: str, engine: tools.Engine, step: str, size: int, cost: Cost
) -> Point:
    return Point(kind, engine.name, step, size, cost, size_of(place.repository))


def say(made: Point) -> None:
    print(
        f"{made.kind} {made.tool} {made.step} at {made.size}: {made.cost.wall_s:.2f} s wall,"
        f" {made.cost.cpu_s:.2f} s cpu, {made.cost.peak_bytes >> 20} MiB,"
        f" others took {made.cost.foreign_share:.0%}",
        file=sys.stderr,
        flush=True,
    )


def write(points: list[Point], engines: list[tools.Engine], output: Path) -> None:
    output.mkdir(parents=True, exist_ok=True)
    text = json.dumps([made.to_json() for made in points], indent=1)
    (output / "growth.json").write_text(text)
    (output / "growth.md").write_text(markdown(points, engines))


def markdown(points: list[Point], engines: list[tools.Engine]) -> str:
    """One line a point, with how much more it took than the point before of the same step."""
    about = ", ".join(f"{name} {value}" for name, value in machine.describe().items())
    versions = ", ".join(engine.version() for engine in engines)
    lines = [
        "# How cost grows",
        "",
        f"Machine: {about}. Tools: {versions}.",
        "",
        "| kind | tool | step | size | wall | processor | peak memory | repository | against the"
        " line before |",
        "|---|---|---|--:|--:|--:|--:|--:|---|",
    ]
    before: dict[tuple, Point] = {}
    for made in points:
        series = (made.kind, made.tool, made.step)
        lines.append(
            f"| {made.kind} | {made.tool} | {made.step} | {made.size:,} |"
            f" {made.cost.wall_s:.2f} s | {made.cost.cpu_s:.2f} s |"
            f" {made.cost.peak_bytes / (1 << 20):.0f} MiB |"
            f" {made.repository_bytes / (1 << 20):.1f} MiB |"
            f" {growth(before.get(series), made)} |"
        )
        before[series] = made
    return "\n".join(lines) + "\n"


def growth(before: Point | None, after: Point) -> str:
    if before is None:
        return ""
    size = after.size / before.size
    time = after.cost.cpu_s / max(before.cost.cpu_s, 0.01)
    memory = after.cost.peak_bytes / before.cost.peak_bytes
    return f"size {size:.0f}x: processor {time:.1f}x, memory {memory:.1f}x"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add_tool_options(parser)
    parser.add_argument("--kinds", type=comma(KINDS), default=list(KINDS))
    parser.add_argument("--most", type=int, help="stop at this size; for a quick try")
    parser.add_argument(
        "--scratch", type=Path, help="folder for trees and repositories; default: on tmpfs"
    )
    parser.add_argument("--output", type=Path, default=Path("compare-results"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
