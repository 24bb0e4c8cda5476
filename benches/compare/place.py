"""Where repositories, caches and restored trees live during a run."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path


class Place:
    """A folder for one cycle of one tool, emptied before each cycle."""

    def __init__(self, root: Path, name: str):
        self.root = root
        self.name = name

    @classmethod
    def tmpfs(cls) -> "Place":
        return cls(Path(tempfile.mkdtemp(prefix="orlop-bench.", dir="/dev/shm")), "tmpfs")

    @classmethod
    def disk(cls, parent: Path) -> "Place":
        parent.mkdir(parents=True, exist_ok=True)
        return cls(Path(tempfile.mkdtemp(prefix="run.", dir=parent)), "disk")

    @property
    def repository(self) -> Path:
        return self.root / "repository"

    @property
    def home(self) -> Path:
        """Home folder of the tool: its caches and configuration."""
        return self.root / "home"

    @property
    def target(self) -> Path:
        """Where a restore goes."""
        return self.root / "target"

    def clear(self) -> None:
        for folder in (self.repository, self.home, self.target):
            remove_tree(folder)
        self.home.mkdir(parents=True)

    def close(self) -> None:
        remove_tree(self.root)


def remove_tree(folder: Path) -> None:
    """Removes a tree that may hold folders without write permission."""
    if os.geteuid() != 0 and folder.exists():
        subprocess.run(["chmod", "-R", "u+rwX", str(folder)], check=False)
    if folder.exists():
        shutil.rmtree(folder)


def size_of(folder: Path) -> int:
    """Bytes of all files below `folder`, by length."""
    total = 0
    stack = [os.fspath(folder)]
    while stack:
        with os.scandir(stack.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    stack.append(entry.path)
                else:
                    total += entry.stat(follow_symlinks=False).st_size
    return total
