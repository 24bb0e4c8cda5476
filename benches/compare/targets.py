"""What orlop is to reach, as numbers against a peer in the same run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """`tool` is to be at least `factor` times better than `peer` in `figure` of a step.

    Better means less: time, memory or bytes. A factor of 1 means not worse.
    """

    data: str
    step: str
    figure: str
    factor: float
    tool: str = "orlop"
    peer: str = "restic"


TARGETS = (
    Target("source-tree", "first", "wall", 3.0),
    Target("incompressible", "first", "wall", 3.0),
    Target("libraries", "first", "wall", 2.5),
    Target("source-tree", "first", "wall", 3.5, tool="orlop-xaes"),
    Target("incompressible", "first", "wall", 5.0, tool="orlop-xaes"),
    Target("libraries", "first", "wall", 3.0, tool="orlop-xaes"),
    Target("source-tree", "first", "cpu", 1 / 1.3, peer="primitives"),
    Target("incompressible", "first", "cpu", 1 / 1.3, peer="primitives"),
    Target("libraries", "first", "cpu", 1 / 1.3, peer="primitives"),
    Target("source-tree", "first", "cpu", 1 / 1.3, tool="orlop-xaes", peer="primitives-xaes"),
    Target("incompressible", "first", "cpu", 1 / 1.3, tool="orlop-xaes", peer="primitives-xaes"),
    Target("libraries", "first", "cpu", 1 / 1.3, tool="orlop-xaes", peer="primitives-xaes"),
    Target("source-tree", "again", "wall", 6.0),
    Target("source-tree", "again", "wall", 0.5, peer="find"),
    Target("source-tree", "restore", "wall", 5.0),
    Target("incompressible", "restore", "wall", 3.5),
    Target("libraries", "restore", "wall", 2.5),
    Target("source-tree", "first", "size", 1 / 0.9),
    Target("postgres", "change", "raw", 6.0),
    Target("postgres", "change", "stored", 6.0),
)
# The change's stored bytes are also at most this share of the folder's own.
CHANGE_SHARE = 0.10


def targets_of(data: str, step: str, figure: str) -> list[Target]:
    return [t for t in TARGETS if (t.data, t.step, t.figure) == (data, step, figure)]
