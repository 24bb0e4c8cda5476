"""A toolchain's libraries: object code, archives and headers, about 1 GB."""

from pathlib import Path

from .dataset import DataSet
from .debian import unpack

PACKAGES = [
    "libllvm14",
    "llvm-14-dev",
    "libclang-14-dev",
    "libclang-cpp14",
    "libstd-rust-dev",
    "gcc-12",
    "g++-12",
    "gfortran-12",
    "gnat-12",
    "libgcc-12-dev",
    "libstdc++-12-dev",
    "libgfortran-12-dev",
    "libc6-dev",
]


class Libraries(DataSet):
    name = "libraries"
    title = "libraries"
    key = "llvm14-gcc12"

    def build(self, folder: Path) -> None:
        unpack(PACKAGES, folder / self.name)
