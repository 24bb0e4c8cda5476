"""What the comparison asks of a tool."""

import json
import os
import subprocess
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import measure
from measure import Finished
from place import Place

PASSWORD = "a password that is the same for every tool"


class Missing(Exception):
    """A tool is not installed or not known."""


@dataclass(frozen=True)
class Added:
    """What a backup says it added: bytes of new plaintext and bytes stored for them."""

    raw: int | None = None
    stored: int | None = None


class Engine(ABC):
    """One tool, with the options that the comparison runs it with."""

    def __init__(self, program: Path, name: str):
        if not os.access(program, os.X_OK):
            raise Missing(f"{name}: no program at {program}")
        self.program = str(program)
        self.name = name
        # Folder of a control group that every measured process of this tool enters.
        self.cgroup: Path | None = None

    @abstractmethod
    def version(self) -> str:
        """One line that names the version."""

    @abstractmethod
    def init(self, place: Place) -> None:
        """Makes an empty repository in `place`; not measured."""

    @abstractmethod
    def backup(self, place: Place, source: Path) -> tuple[Finished, Added]:
        """Backs `source` up into a new snapshot."""

    @abstractmethod
    def restore(self, place: Place, source: Path, *, sparse: bool) -> Finished:
        """Restores the newest snapshot of `source` into the target of `place`."""

    @abstractmethod
    def snapshots(self, place: Place) -> int:
        """How many snapshots the repository holds; not measured."""

    def copy(self, place: Place, other: Place) -> Finished:
        """Copies all snapshots of `place` to the repository of `other`, which has other keys."""
        raise Missing(f"{self.name}: how it copies is not known here")

    def command(self, place: Place, *arguments: str) -> list[str]:
        """The whole command line of one step, for the tools whose maintenance is measured."""
        raise NotImplementedError(f"{self.name} is not asked for its maintenance")

    def forget(self, place: Place, *, keep: int) -> None:
        """Forgets all but the newest `keep` snapshots; not measured, and deletes no data."""
        arguments = self.command(place, "forget", "--keep-last", str(keep))
        measure.quietly(
            arguments, log=place.home / "log" / "unmeasured", env=self.environment(place)
        )

    def restored_root(self, place: Place, source: Path) -> Path:
        """Where `restore` has put the content of `source`."""
        del source
        return place.target

    def environment(self, place: Place) -> dict[str, str]:
        """A minimal environment: no setting of the caller changes what a tool does."""
        return {
            "HOME": str(place.home),
            "XDG_CACHE_HOME": str(place.home / "cache"),
            "XDG_CONFIG_HOME": str(place.home / "config"),
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
        }

    def measured(self, place: Place, arguments: list[str], *, cwd: Path | None = None) -> Finished:
        return measure.run(
            [self.program, *arguments],
            log=place.home / "log" / "measured",
            env=self.environment(place),
            cwd=cwd,
            cgroup=self.cgroup,
        )

    def quietly(self, place: Place, arguments: list[str]) -> str:
        return measure.quietly(
            [self.program, *arguments],
            log=place.home / "log" / "unmeasured",
            env=self.environment(place),
        )

    def first_line(self, *arguments: str) -> str:
        done = subprocess.run(
            [self.program, *arguments], capture_output=True, text=True, check=True, timeout=60
        )
        return (done.stdout or done.stderr).strip().splitlines()[0]


def write_secret(path: Path, secret: str) -> Path:
    """Writes a file that only its owner reads."""
    path.write_text(secret)
    path.chmod(0o600)
    return path


def json_lines(text: str) -> list[dict]:
    """The JSON objects that stand one a line in `text`; other lines are skipped."""
    found = []
    for line in text.splitlines():
        if line.startswith("{"):
            found.append(json.loads(line))
    return found


def summary(text: str) -> dict:
    """The last `summary` message of restic's JSON output, which orlop shares."""
    for message in reversed(json_lines(text)):
        if message.get("message_type") == "summary":
            return message
    raise measure.Failed("a backup ended well but printed no summary message")
