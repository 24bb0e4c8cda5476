"""kopia, which by default compresses nothing; so it runs twice, with zstd and as it comes."""

import json
from pathlib import Path

from measure import Finished
from place import Place

from .engine import PASSWORD, Added, Engine


class Kopia(Engine):
    def __init__(self, program: Path, name: str = "kopia", *, compression: str = "zstd"):
        super().__init__(program, name)
        self.compression = compression

    def version(self) -> str:
        return "kopia " + self.first_line("--version")

    def init(self, place: Place) -> None:
        place.repository.mkdir(parents=True)
        self.quietly(
            place,
            [
                *self._global(place),
                "repository",
                "create",
                "filesystem",
                "--path",
                str(place.repository),
                "--cache-directory",
                str(place.home / "cache"),
            ],
        )
        self.quietly(
            place,
            [*self._global(place), "policy", "set", "--global", "--compression", self.compression],
        )

    def backup(self, place: Place, source: Path) -> tuple[Finished, Added]:
        done = self.measured(
            place, [*self._global(place), "snapshot", "create", "--json", str(source)]
        )
        return done, Added()

    def restore(self, place: Place, source: Path, *, sparse: bool) -> Finished:
        options = ["--write-sparse-files"] if sparse else []
        return self.measured(
            place,
            [*self._global(place), "snapshot", "restore", *options, str(source), str(place.target)],
        )

    def snapshots(self, place: Place) -> int:
        said = self.quietly(
            place, [*self._global(place), "snapshot", "list", "--show-identical", "--json"]
        )
        return len(json.loads(said))

    def environment(self, place: Place) -> dict[str, str]:
        return super().environment(place) | {
            "KOPIA_PASSWORD": PASSWORD,
            "KOPIA_CHECK_FOR_UPDATES": "false",
        }

    def _global(self, place: Place) -> list[str]:
        return [
            "--config-file",
            str(place.home / "repository.config"),
            "--log-dir",
            str(place.home / "log"),
            "--no-progress",
            "--no-use-keyring",
        ]
