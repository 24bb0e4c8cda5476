"""A tree that changes from snapshot to snapshot, in the same way for every tool."""

import os
import shutil
from pathlib import Path
from zlib import crc32

from place import remove_tree

# Each version has so many parts in a thousand of all files anew.
CHANGED = 50


class Versions:
    """A copy of a tree. Version n has another end in those files whose path is drawn for it."""

    def __init__(self, path: Path, origin: Path):
        self.path = path
        self.origin = origin

    def __enter__(self) -> "Versions":
        remove_tree(self.path)
        shutil.copytree(self.origin, self.path, symlinks=True)
        return self

    def __exit__(self, *_) -> None:
        remove_tree(self.path)

    def show(self, number: int) -> None:
        for folder, _, names in os.walk(self.path):
            for name in names:
                file = os.path.join(folder, name)
                drawn = crc32(f"{number} {os.path.relpath(file, self.path)}".encode()) % 1000
                if drawn < CHANGED and not os.path.islink(file):
                    with open(file, "ab") as out:
                        out.write(f"\nversion {number} of {name}\n".encode())
