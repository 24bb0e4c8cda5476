"""A database whose pages are rewritten at random, day after day."""

import json
import random
from dataclasses import dataclass
from pathlib import Path

import measure
from place import Place, remove_tree, size_of

PAGE = 4096
# Pages rewritten each day, of a hundred.
REWRITTEN = 1
# Snapshots that stay: one a day of a week.
KEEP = 7
# Of each page so many bytes are like no other.
UNIQUE = PAGE // 2


@dataclass(frozen=True)
class Day:
    """What is stored at the end of a day, and what the snapshots that are kept need of it."""

    stored: int
    live: int

    @property
    def ratio(self) -> float:
        return self.stored / self.live


def simulate(engine, place: Place, *, days: int, size: int) -> list[Day]:
    """Backs up, forgets and prunes every day."""
    folder = place.root / "database"
    remove_tree(folder)
    folder.mkdir()
    drawn = random.Random(1)
    file = folder / "pages.sqlite"
    create(file, size, drawn)
    made = []
    for number in range(days):
        if number:
            rewrite(file, size, drawn)
        engine.backup(place, folder)
        engine.forget(place, keep=KEEP)
        said = summary(engine, place, "prune", "--grace", "0s")
        # What the next run would still find to be dead, whatever it would do about it.
        left = summary(engine, place, "prune", "--grace", "0s", "--dry-run")
        unused = left["unused_bytes"] + left["bytes_condemned"]
        stored = size_of(place.repository)
        made.append(Day(stored, max(1, left["bytes"] - unused)))
        if said["notes"]:
            raise measure.Failed(f"prune on day {number}: {said['notes']}")
    remove_tree(folder)
    return made


def create(file: Path, size: int, drawn: random.Random) -> None:
    with file.open("wb") as out:
        for number in range(size // PAGE):
            out.write(page(number, drawn))


def rewrite(file: Path, size: int, drawn: random.Random) -> None:
    pages = size // PAGE
    with file.open("r+b") as out:
        for number in drawn.sample(range(1, pages), max(1, pages * REWRITTEN // 100)):
            out.seek(number * PAGE)
            out.write(page(number, drawn))


def page(number: int, drawn: random.Random) -> bytes:
    """A page; the first one says that this is a SQLite database."""
    header = b"SQLite format 3\0" + PAGE.to_bytes(2, "big") if number == 0 else b"\x0d"
    body = header.ljust(PAGE - UNIQUE, b"r")
    return body + drawn.randbytes(UNIQUE)


def summary(engine, place: Place, *arguments: str) -> dict:
    log = place.home / "log" / "unmeasured"
    text = measure.quietly(
        engine.command(place, "--json", *arguments), log=log, env=engine.environment(place)
    )
    for line in reversed(text.splitlines()):
        if line.startswith("{") and (said := json.loads(line))["message_type"] == "summary":
            return said
    raise measure.Failed(f"{engine.name} {' '.join(arguments)} printed no summary")
