"""rustic with its defaults."""

import json
from pathlib import Path

from measure import Finished
from place import Place

from .engine import PASSWORD, Added, Engine, write_secret


class Rustic(Engine):
    def __init__(self, program: Path, name: str = "rustic"):
        super().__init__(program, name)

    def version(self) -> str:
        return self.first_line("--version")

    def init(self, place: Place) -> None:
        write_secret(place.home / "password", PASSWORD)
        self.quietly(place, [*self._global(place), "init"])

    def backup(self, place: Place, source: Path) -> tuple[Finished, Added]:
        done = self.measured(
            place, [*self._global(place), "backup", "--no-scan", "--json", str(source)]
        )
        said = json.loads(done.stdout)
        said = (said[0] if isinstance(said, list) else said)["summary"]
        return done, Added(raw=said["data_added"], stored=said["data_added_packed"])

    def restore(self, place: Place, source: Path, *, sparse: bool) -> Finished:
        options = ["--sparse", "by-content"] if sparse else []
        return self.measured(
            place,
            [*self._global(place), "restore", *options, f"latest:{source}", str(place.target)],
        )

    def snapshots(self, place: Place) -> int:
        groups = json.loads(self.quietly(place, [*self._global(place), "snapshots", "--json"]))
        return sum(len(group["snapshots"]) for group in groups)

    def _global(self, place: Place) -> list[str]:
        return [
            "--repository",
            str(place.repository),
            "--password-file",
            str(place.home / "password"),
            "--cache-dir",
            str(place.home / "cache"),
            "--no-progress",
            "--log-level",
            "warn",
        ]
