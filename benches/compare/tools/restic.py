"""restic with its defaults: compression `auto`, verification before upload on."""

import json
from pathlib import Path

from measure import Finished
from place import Place

from .engine import PASSWORD, Added, Engine, summary, write_secret


class Restic(Engine):
    def __init__(self, program: Path, name: str = "restic"):
        super().__init__(program, name)

    def version(self) -> str:
        return self.first_line("version")

    def init(self, place: Place) -> None:
        write_secret(place.home / "password", PASSWORD)
        self.quietly(place, [*self._global(place), "init"])

    def backup(self, place: Place, source: Path) -> tuple[Finished, Added]:
        # Without --no-scan a second walk counts the work for a progress bar that nobody sees here.
        done = self.measured(
            place, [*self._global(place), "--json", "--quiet", "backup", "--no-scan", str(source)]
        )
        said = summary(done.stdout)
        return done, Added(raw=said["data_added"], stored=said["data_added_packed"])

    def restore(self, place: Place, source: Path, *, sparse: bool) -> Finished:
        options = ["--sparse"] if sparse else []
        return self.measured(
            place,
            [
                *self._global(place),
                "--quiet",
                "restore",
                *options,
                f"latest:{source}",
                "--target",
                str(place.target),
            ],
        )

    def copy(self, place: Place, other: Place) -> Finished:
        source = ["--from-repo", str(place.repository)]
        source += ["--from-password-file", str(place.home / "password")]
        return self.measured(other, [*self._global(other), "--quiet", "copy", *source])

    def snapshots(self, place: Place) -> int:
        return len(json.loads(self.quietly(place, [*self._global(place), "--json", "snapshots"])))

    def command(self, place: Place, *arguments: str) -> list[str]:
        return [self.program, *self._global(place), *arguments]

    def _global(self, place: Place) -> list[str]:
        return [
            "--repo",
            str(place.repository),
            "--password-file",
            str(place.home / "password"),
            "--cache-dir",
            str(place.home / "cache"),
        ]
