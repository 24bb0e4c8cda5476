"""A repository in a local folder (FORMAT.md section 2)."""

import os
from pathlib import Path

from blake3 import blake3

from .errors import Damage


class Store:
    """Objects by name. Reads only."""

    def __init__(self, root: str | os.PathLike):
        self.root = Path(root)

    def list(self, folder: str) -> list[str]:
        """Names below a folder, ascending; files that writers have not finished are no objects."""
        found = []
        for path, _, files in os.walk(self.root / folder):
            below = Path(path).relative_to(self.root).as_posix()
            found += [f"{below}/{file}" for file in files if is_name(file)]
        return sorted(found)

    def get(self, name: str) -> bytes:
        try:
            return (self.root / name).read_bytes()
        except FileNotFoundError as error:
            raise Damage(f"{name}: missing") from error

    def read(self, name: str, offset: int, length: int) -> bytes:
        try:
            with open(self.root / name, "rb") as file:
                file.seek(offset)
                data = file.read(length)
        except FileNotFoundError as error:
            raise Damage(f"{name}: missing") from error
        if len(data) != length:
            raise Damage(f"{name}: ends before offset {offset + length}")
        return data


def is_name(file: str) -> bool:
    return bool(file) and all(c in "0123456789abcdefghijklmnopqrstuvwxyz-" for c in file)


def object_hash(data: bytes) -> bytes:
    """The `hash` of an object."""
    return blake3(data).digest()


def pack_name(pack: tuple[bytes, int]) -> str:
    return f"packs/{pack[0].hex()}/{pack[1]:010}"
