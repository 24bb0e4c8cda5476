"""The data sets by name."""

from .dataset import DataSet
from .image import DiskImage
from .incompressible import Incompressible
from .libraries import Libraries
from .postgres import Postgres
from .source_tree import SourceTree

__all__ = ["DataSet", "NAMES", "make"]

_KINDS = {
    kind.name: kind for kind in (SourceTree, Incompressible, Libraries, Postgres, DiskImage)
}
NAMES = tuple(_KINDS)


def make(name: str) -> DataSet:
    """The data set `name`, which need not be on this machine yet."""
    return _KINDS[name]()
