"""A data set: made once into a keyed folder of the cache, then only read."""

import os
from abc import ABC, abstractmethod
from pathlib import Path

from place import remove_tree


def cache_root() -> Path:
    """The folder that all data sets share, outside any work tree."""
    named = os.environ.get("ORLOP_BENCH_DATA")
    return Path(named) if named else Path.home() / ".cache" / "orlop-bench"


class DataSet(ABC):
    """One kind of data. `name` is used on the command line, `title` in the table."""

    name: str
    title: str
    # Stands in the folder's name: raise it when the recipe changes.
    key: str
    # A file with holes that a restore must bring back.
    sparse = False
    # A second state of the same folder, backed up after the first.
    changes = False

    @property
    def folder(self) -> Path:
        return cache_root() / f"{self.name}-{self.key}"

    @property
    def path(self) -> Path:
        """What the tools are given."""
        return self.folder / self.name

    @abstractmethod
    def build(self, folder: Path) -> None:
        """Makes the data in `folder`, which exists and is empty."""

    def ready(self) -> bool:
        return self.folder.is_dir()

    def ensure(self) -> None:
        """Makes the data when the cache lacks it; all or nothing."""
        if self.ready():
            return
        part = self.folder.with_name(self.folder.name + ".part")
        remove_tree(part)
        part.mkdir(parents=True)
        self.build(part)
        os.sync()
        part.rename(self.folder)

    def show(self, state: str) -> None:
        """Puts `path` into `state`, `before` or `after` its change."""
        if state != "before":
            raise ValueError(f"{self.name} has no state {state}")
