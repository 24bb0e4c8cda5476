"""Medians and spreads of the records of a run."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

# Figure name -> how to read it from a record as written to results.json.
_READ = {
    "wall": lambda r: r["cost"]["wall_s"],
    "cpu": lambda r: r["cost"]["user_s"] + r["cost"]["system_s"],
    "memory": lambda r: r["cost"]["peak_bytes"],
    "size": lambda r: r.get("repository_bytes"),
    "grown": lambda r: r.get("grown_bytes"),
    "raw": lambda r: r.get("added_raw"),
    "stored": lambda r: r.get("added_stored"),
    "foreign": lambda r: r["cost"]["foreign_share"],
}


@dataclass(frozen=True)
class Spread:
    """Median, least and greatest of some runs."""

    median: float
    least: float
    most: float
    runs: int


class Figures:
    """All records of one place, looked up by data set, step, tool and figure."""

    def __init__(self, records: Iterable[dict]):
        self._records = list(records)

    def get(self, data: str, step: str, tool: str, figure: str) -> Spread | None:
        read = _READ[figure]
        values = [
            value
            for record in self._records
            if (record["data"], record["step"], record["tool"]) == (data, step, tool)
            and (value := read(record)) is not None
        ]
        if not values:
            return None
        return Spread(statistics.median(values), min(values), max(values), len(values))

    def ratio(self, data: str, step: str, figure: str, tool: str, peer: str) -> float | None:
        """How many times less `tool` needs than `peer`."""
        ours, theirs = self.get(data, step, tool, figure), self.get(data, step, peer, figure)
        if ours is None or theirs is None or ours.median <= 0:
            return None
        return theirs.median / ours.median

    def noise(self) -> Spread | None:
        values = [_READ["foreign"](record) for record in self._records]
        if not values:
            return None
        return Spread(statistics.median(values), min(values), max(values), len(values))

    def distinct(self, field: str) -> list[str]:
        """Values of `field` in order of first appearance."""
        return list(dict.fromkeys(record[field] for record in self._records))
