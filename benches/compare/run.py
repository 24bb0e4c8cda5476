#!/usr/bin/env python3
"""Compares whole processes of orlop, restic, kopia, rustic and borg. See README.md."""

import argparse
import datetime
import json
import os
import signal
import sys
from contextlib import nullcontext
from pathlib import Path

import cgroup
import chart
import data
import machine
import report
import tools
from cycle import STEPS, Cycle, find_listing, primitives, warm
from data.dataset import cache_root
from measure import Failed
from place import Place, size_of
from verify import Differs

HERE = Path(__file__).resolve().parent
# How long `--quiet` waits before one step.
QUIET_WAIT_S = 120
DEFAULT_TOOLS = ("orlop", "orlop-xaes", "restic", "kopia", "kopia-plain", "rustic", "borg")


def main() -> int:
    arguments = parse()
    # Ends by an exception, so that what is on tmpfs goes away.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if arguments.again:
        write(json.loads(arguments.again.read_text()), arguments.output)
        return 0
    try:
        engines = find_engines(
            arguments.tools or DEFAULT_TOOLS, arguments, strict=arguments.tools is not None
        )
    except tools.Missing as missing:
        print(missing, file=sys.stderr)
        return 2
    sets = [data.make(name) for name in arguments.data]
    for made in sets:
        if not made.ready():
            print(f"making {made.name}", file=sys.stderr)
        made.ensure()
        made.show("before")
    results = {
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": machine.describe(),
        "tools": {engine.name: engine.version() for engine in engines},
        "runs": arguments.runs,
        "titles": {made.name: made.title for made in sets},
        "source_bytes": {made.name: size_of(made.path) for made in sets},
        "records": [],
    }
    limit = cgroup.limited(arguments.cgroup) if arguments.cgroup else nullcontext()
    try:
        with limit as group:
            for engine in engines:
                engine.cgroup = group
            run_all(sets, engines, arguments, results)
    except (Failed, Differs, cgroup.NoControlGroups) as error:
        print(error, file=sys.stderr)
        return 1
    print(report.markdown(results))
    return 0


def run_all(
    sets: list[data.DataSet],
    engines: list[tools.Engine],
    arguments: argparse.Namespace,
    results: dict,
) -> None:
    """Every data set in every place that was asked for."""
    places = []
    if not arguments.only_on_disk:
        places.append(Place.tmpfs)
    if arguments.on_disk or arguments.only_on_disk:
        places.append(lambda: Place.disk(cache_root() / "runs"))
    for make_place in places:
        place = make_place()
        try:
            for made in sets:
                compare(place, made, engines, arguments, results)
        finally:
            place.close()


def compare(
    place: Place,
    made: data.DataSet,
    engines: list[tools.Engine],
    arguments: argparse.Namespace,
    results: dict,
) -> None:
    """All runs of one data set: a warm-up that compares all content, then the counted ones."""

    def before_step() -> None:
        os.sync()
        if arguments.quiet and not machine.wait_until_quiet(arguments.quiet / 100, QUIET_WAIT_S):
            print("the machine does not become quiet; measuring all the same", file=sys.stderr)

    cycle = Cycle(place, made, tuple(arguments.steps), before_step)
    warm(made.path)
    for run in range(arguments.runs + 1):
        for engine in engines:
            records = cycle.run(engine, run, everything=run == 0)
            for record in records:
                say(record, counted=run > 0)
            if run > 0:
                results["records"] += [record.to_json() for record in records]
        if "again" in arguments.steps:
            record = find_listing(place, made, run)
            if run > 0:
                results["records"].append(record.to_json())
        if "first" in arguments.steps and arguments.primitives.exists():
            for suite in ("xchacha", "xaes"):
                record = primitives(arguments.primitives, place, made, run, suite)
                if run > 0:
                    results["records"].append(record.to_json())
        # After each round, so that a run that is broken off has given what it has.
        if run > 0:
            write(results, arguments.output)


def say(record, *, counted: bool) -> None:
    cost = record.cost
    line = (
        f"{record.place} {record.data} {record.tool} {record.step}"
        f" {'run ' + str(record.run) if counted else 'warm-up'}:"
        f" {cost.wall_s:.2f} s wall, {cost.cpu_s:.2f} s cpu, {cost.peak_bytes >> 20} MiB"
    )
    if record.repository_bytes is not None:
        line += f", repository {record.repository_bytes / (1 << 20):.1f} MiB"
    line += f", others took {cost.foreign_share:.0%}"
    print(line, file=sys.stderr, flush=True)


def write(results: dict, output: Path) -> None:
    """Leaves results.json, report.md and one chart a place in `output`."""
    output.mkdir(parents=True, exist_ok=True)
    (output / "results.json").write_text(json.dumps(results, indent=1))
    (output / "report.md").write_text(report.markdown(results))
    for place in dict.fromkeys(record["place"] for record in results["records"]):
        (output / f"chart-{place}.svg").write_text(chart.svg(results, place))


def find_engines(
    names: list[str] | tuple[str, ...], arguments: argparse.Namespace, *, strict: bool
) -> list[tools.Engine]:
    """The tools called `names`. Unless `strict`, one that is not required may be missing."""
    engines = []
    for name in names:
        try:
            engines.append(tools.make(name, orlop=arguments.orlop, peers=arguments.peers))
        except tools.Missing as missing:
            if strict or name in tools.REQUIRED:
                raise
            print(f"left out: {missing}", file=sys.stderr)
    return engines


def add_tool_options(parser: argparse.ArgumentParser) -> None:
    """Where the programs are and which of them run."""
    home_tools = os.environ.get("ORLOP_TOOLS") or Path.home() / ".cache" / "orlop-tools"
    parser.add_argument(
        "--orlop", type=Path, default=HERE.parents[1] / "target/release/orlop", help="the program"
    )
    parser.add_argument(
        "--peers", type=Path, default=Path(home_tools) / "bin", help="folder that peers.sh filled"
    )
    parser.add_argument("--tools", type=comma(tools.NAMES), help=", ".join(tools.NAMES))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add_tool_options(parser)
    parser.add_argument("--data", type=comma(data.NAMES), default=list(data.NAMES))
    parser.add_argument("--steps", type=comma(STEPS), default=list(STEPS))
    parser.add_argument(
        "--primitives",
        type=Path,
        default=HERE.parents[1] / "target/release/examples/primitives",
        help="the program that measures the primitives; left out where it is not built",
    )
    parser.add_argument("--runs", type=int, default=5, help="counted runs after the warm-up")
    parser.add_argument("--on-disk", action="store_true", help="once more with repository on disk")
    parser.add_argument("--only-on-disk", action="store_true", help="no runs on tmpfs")
    parser.add_argument(
        "--cgroup", type=size, metavar="SIZE", help="run inside a control group of this size"
    )
    parser.add_argument(
        "--quiet", type=int, metavar="PERCENT", help="wait till others use less of the cores"
    )
    parser.add_argument("--output", type=Path, default=Path("compare-results"))
    parser.add_argument(
        "--again", type=Path, metavar="RESULTS", help="only write the report of a results.json anew"
    )
    arguments = parser.parse_args()
    if arguments.runs < 1:
        parser.error("--runs must be at least 1")
    return arguments


def comma(known: tuple[str, ...]):
    """A parser of comma-separated names out of `known`."""

    def names(text: str) -> list[str]:
        chosen = text.split(",")
        for name in chosen:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name!r} is not one of {', '.join(known)}")
        return chosen

    return names


def size(text: str) -> int:
    """Bytes of a size like 80MiB."""
    for unit, factor in (("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)):
        if text.endswith(unit) and text[: -len(unit)].isdigit():
            return int(text[: -len(unit)]) * factor
    raise argparse.ArgumentTypeError(f"{text!r} is no size like 80MiB")


if __name__ == "__main__":
    sys.exit(main())
