"""Random bytes: nothing to compress, nothing to find twice."""

import random
from pathlib import Path

from .dataset import DataSet

FILES = 6
FILE_BYTES = 256 << 20
STEP_BYTES = 4 << 20


class Incompressible(DataSet):
    name = "incompressible"
    title = "incompressible"
    key = f"{FILES}x{FILE_BYTES >> 20}M"

    def build(self, folder: Path) -> None:
        tree = folder / self.name
        tree.mkdir()
        for number in range(FILES):
            # Seeded: the same bytes on every machine.
            source = random.Random(number)
            with (tree / f"random-{number}.bin").open("wb") as out:
                for _ in range(FILE_BYTES // STEP_BYTES):
                    out.write(source.randbytes(STEP_BYTES))
