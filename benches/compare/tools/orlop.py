"""orlop itself."""

import json
from pathlib import Path

from measure import Finished
from place import Place

from .engine import Added, Engine, summary


class Orlop(Engine):
    """orlop with its defaults, another cipher suite or a limit of memory."""

    def __init__(
        self,
        program: Path,
        name: str = "orlop",
        *,
        cipher: str | None = None,
        memory: str | None = None,
    ):
        super().__init__(program, name)
        self.cipher = cipher
        self.memory = memory

    def version(self) -> str:
        return self.first_line("version")

    def init(self, place: Place) -> None:
        arguments = ["init"]
        if self.cipher:
            arguments += ["--cipher", self.cipher]
        self.quietly(place, self._global(place) + arguments)

    def backup(self, place: Place, source: Path) -> tuple[Finished, Added]:
        done = self.measured(place, [*self._global(place), "--json", "backup", str(source)])
        said = summary(done.stdout)
        return done, Added(raw=said["data_added"], stored=said["data_added_packed"])

    def restore(self, place: Place, source: Path, *, sparse: bool) -> Finished:
        del source
        options = ["--sparse"] if sparse else []
        return self.measured(
            place, [*self._global(place), "restore", *options, "latest", str(place.target)]
        )

    def copy(self, place: Place, other: Place) -> Finished:
        to = ["--to", str(other.repository), "--to-key-file", str(other.home / "orlop.key")]
        return self.measured(place, [*self._global(place), "copy", *to])

    def snapshots(self, place: Place) -> int:
        return len(json.loads(self.quietly(place, [*self._global(place), "--json", "snapshots"])))

    def command(self, place: Place, *arguments: str) -> list[str]:
        return [self.program, *self._global(place), *arguments]

    def _global(self, place: Place) -> list[str]:
        arguments = [
            "--repo",
            str(place.repository),
            "--key-file",
            str(place.home / "orlop.key"),
            "--cache-dir",
            str(place.home / "cache"),
        ]
        if self.memory:
            arguments += ["--memory", self.memory]
        return arguments
