"""Says whether a restored tree is its source, without help of the tool that restored it."""

import hashlib
import os
import random
import stat
from dataclasses import dataclass
from pathlib import Path

SAMPLED_FILES = 400
# A file up to this length is read whole; of a longer one so many windows are read.
WHOLE_BYTES = 16 << 20
WINDOWS = 16
WINDOW_BYTES = 1 << 20


class Differs(Exception):
    """A restored tree is not what was backed up."""


@dataclass(frozen=True)
class Census:
    """What a tree holds, by count and length."""

    files: int
    folders: int
    links: int
    others: int
    content_bytes: int


def same(source: Path, restored: Path, *, everything: bool, seed: int = 0) -> None:
    """Raises `Differs` unless both trees hold the same names, kinds, lengths and sampled content.

    With `everything`, all content is compared instead of a sample.
    """
    census, files = _walk(source)
    other, others = _walk(restored)
    if census != other:
        raise Differs(f"{restored}: {other}, but the source is {census}")
    if odd := sorted(set(files) ^ set(others)):
        raise Differs(f"{restored}: {odd[0][0]} is not of the same name or length as in {source}")
    # Few files: all. Many: the longest, where most bytes are, and some at random.
    chosen = files
    if not everything and len(files) > SAMPLED_FILES:
        by_length = sorted(files, key=lambda file: (-file[1], file[0]))
        half = SAMPLED_FILES // 2
        rest = random.Random(seed).sample(by_length[half:], SAMPLED_FILES - half)
        chosen = by_length[:half] + rest
    for name, length in chosen:
        windows = None if everything or length <= WHOLE_BYTES else _windows(name, length, seed)
        if _digest(source / name, windows) != _digest(restored / name, windows):
            raise Differs(f"{restored / name}: content is not that of {source / name}")


def _walk(root: Path) -> tuple[Census, list[tuple[str, int]]]:
    files: list[tuple[str, int]] = []
    folders = links = others = 0
    stack = [""]
    while stack:
        below = stack.pop()
        with os.scandir(root / below) as entries:
            for entry in entries:
                name = os.path.join(below, entry.name)
                mode = entry.stat(follow_symlinks=False).st_mode
                if stat.S_ISDIR(mode):
                    folders += 1
                    stack.append(name)
                elif stat.S_ISREG(mode):
                    files.append((name, entry.stat(follow_symlinks=False).st_size))
                elif stat.S_ISLNK(mode):
                    links += 1
                else:
                    others += 1
    total = sum(length for _, length in files)
    return Census(len(files), folders, links, others, total), files


def _windows(name: str, length: int, seed: int) -> list[int]:
    places = random.Random(f"{seed} {name}")
    inner = [places.randrange(length - WINDOW_BYTES) for _ in range(WINDOWS - 2)]
    return [0, *sorted(inner), length - WINDOW_BYTES]


def _digest(path: Path, windows: list[int] | None) -> bytes:
    state = hashlib.blake2b()
    with path.open("rb", buffering=0) as file:
        if windows is None:
            while block := file.read(WINDOW_BYTES):
                state.update(block)
        else:
            for offset in windows:
                state.update(os.pread(file.fileno(), WINDOW_BYTES, offset))
    return state.digest()
