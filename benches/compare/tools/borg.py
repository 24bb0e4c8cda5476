"""borg with its defaults (lz4) and the BLAKE2 key mode that its manual recommends."""

import json
from pathlib import Path

from measure import Finished
from place import Place

from .engine import PASSWORD, Added, Engine


class Borg(Engine):
    def __init__(self, program: Path, name: str = "borg"):
        super().__init__(program, name)

    def version(self) -> str:
        return self.first_line("--version")

    def init(self, place: Place) -> None:
        self.quietly(place, ["init", "--encryption", "repokey-blake2", str(place.repository)])

    def backup(self, place: Place, source: Path) -> tuple[Finished, Added]:
        name = f"{place.repository}::{self.snapshots(place)}"
        done = self.measured(place, ["create", "--json", name, str(source)])
        stats = json.loads(done.stdout)["archive"]["stats"]
        return done, Added(stored=stats["deduplicated_size"])

    def restore(self, place: Place, source: Path, *, sparse: bool) -> Finished:
        newest = self.snapshots(place) - 1
        place.target.mkdir(parents=True, exist_ok=True)
        options = ["--sparse"] if sparse else []
        # Names in an archive are relative to the root: one component less than `parts` counts.
        options += ["--strip-components", str(len(source.parts) - 1)]
        return self.measured(
            place, ["extract", *options, f"{place.repository}::{newest}"], cwd=place.target
        )

    def snapshots(self, place: Place) -> int:
        said = json.loads(self.quietly(place, ["list", "--json", str(place.repository)]))
        return len(said["archives"])

    def environment(self, place: Place) -> dict[str, str]:
        return super().environment(place) | {
            "BORG_PASSPHRASE": PASSWORD,
            "BORG_BASE_DIR": str(place.home),
        }
