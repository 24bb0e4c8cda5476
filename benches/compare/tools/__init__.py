"""The compared tools by name, in the order of the table."""

from pathlib import Path

from .borg import Borg
from .engine import Added, Engine, Missing
from .kopia import Kopia
from .orlop import Orlop
from .restic import Restic
from .rustic import Rustic

__all__ = ["Added", "Engine", "Missing", "NAMES", "REQUIRED", "make"]

NAMES = ("orlop", "orlop-xaes", "orlop-64m", "restic", "kopia", "kopia-plain", "rustic", "borg")
REQUIRED = ("orlop", "restic", "kopia")


def make(name: str, *, orlop: Path, peers: Path) -> Engine:
    """The engine `name`; raises `Missing` when its program is not there."""
    match name:
        case "orlop":
            return Orlop(orlop)
        case "orlop-xaes":
            return Orlop(orlop, name=name, cipher="xaes")
        case "orlop-64m":
            return Orlop(orlop, name=name, memory="64MiB")
        case "restic":
            return Restic(peers / "restic")
        case "kopia":
            return Kopia(peers / "kopia")
        case "kopia-plain":
            return Kopia(peers / "kopia", name=name, compression="none")
        case "rustic":
            return Rustic(peers / "rustic")
        case "borg":
            return Borg(peers / "borg")
    raise Missing(f"no tool is called {name}; known are {', '.join(NAMES)}")
