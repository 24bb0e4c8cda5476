"""A sparse disk image: 8 GiB of ext4 with a small Debian root in it."""

import os
import subprocess
import tempfile
from pathlib import Path

from place import remove_tree

from .dataset import DataSet
from .debian import install, mirror

IMAGE_BYTES = 8 << 30
# Fixed, so that two builds differ only where the packages differ.
UUID = "6f0d3c1e-7a54-4e2b-9c8e-1d2f3a4b5c6d"


class DiskImage(DataSet):
    name = "image"
    title = "disk image"
    key = f"{IMAGE_BYTES >> 30}G"
    sparse = True

    def build(self, folder: Path) -> None:
        install("debootstrap", "/usr/sbin/debootstrap")
        uri, suite = mirror()
        root = Path(tempfile.mkdtemp(prefix="orlop-bench.", dir="/var/tmp"))
        try:
            # --foreign stops after unpacking: no script of a package runs here.
            subprocess.run(
                ["debootstrap", "--foreign", suite, str(root), uri],
                check=True,
                stdout=subprocess.DEVNULL,
            )
            tree = folder / self.name
            tree.mkdir()
            image = tree / "disk.img"
            with image.open("wb") as out:
                os.truncate(out.fileno(), IMAGE_BYTES)
            subprocess.run(
                ["mke2fs", "-q", "-t", "ext4", "-U", UUID]
                + ["-E", f"hash_seed={UUID},lazy_itable_init=1,nodiscard"]
                + ["-d", str(root), str(image)],
                check=True,
            )
        finally:
            remove_tree(root)
