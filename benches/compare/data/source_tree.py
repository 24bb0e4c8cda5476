"""Many small files: the kernel's source as Debian packs it, 78,000 files."""

import subprocess
import tempfile
from pathlib import Path

from .dataset import DataSet
from .debian import unpack


class SourceTree(DataSet):
    name = "source-tree"
    title = "source tree"
    key = "6.1"

    def build(self, folder: Path) -> None:
        tree = folder / self.name
        tree.mkdir()
        with tempfile.TemporaryDirectory(prefix="orlop-bench.") as scratch:
            unpack(["linux-source-6.1"], Path(scratch))
            archive = Path(scratch) / "usr/src/linux-source-6.1.tar.xz"
            subprocess.run(
                ["tar", "-xJf", str(archive), "-C", str(tree), "--strip-components=1"], check=True
            )
