#!/usr/bin/env python3
"""Measures `orlop mount`, beside `restic mount` and `orlop cat`.

    mount.py --orlop target/release/orlop [--restic PROGRAM] [--files N] [--size MIB] [--runs N]

Makes a folder of many small files, with one file far down, and a folder with one large file that
does not compress; backs both up with each program; and prints, as medians of the runs:

- how long it takes from the start of the mount until the first byte of the file far down is read,
  and how long reading it takes once it is mounted;
- how long a listing of a folder of ten thousand names takes, with what `stat` says of each;
- the rate at which the large file is read from its beginning to its end, by the mount of each
  program and by `orlop cat`.

Each run mounts anew, so that nothing is in the kernel's memory. Needs root, or fusermount3. Without
--restic only Orlop is measured. Repositories are local; for a bucket, latency decides, and
tests/mount counts the requests.
"""

import argparse
import contextlib
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PIECE = 1 << 20
IN_A_FOLDER = 10_000
DEEP = "zzz/a/b/c/d/e/one"


class Program:
    """A program with a repository of its own that can mount."""

    def __init__(self, name: str, program: Path, top: Path) -> None:
        self.name = name
        self.program = program
        self.home = top / name
        self.home.mkdir()
        (self.home / "key").write_bytes(secrets.token_bytes(32))
        (self.home / "key").chmod(0o600)
        (self.home / "password").write_text("a password for a bench")
        self.environment = os.environ | {
            "HOME": str(self.home),
            "ORLOP_REPO": str(self.home / "repository"),
            "ORLOP_KEY_FILE": str(self.home / "key"),
            "RESTIC_REPOSITORY": str(self.home / "repository"),
            "RESTIC_PASSWORD_FILE": str(self.home / "password"),
        }

    def run(self, *arguments: object) -> None:
        subprocess.run(
            [self.program, *map(str, arguments)],
            env=self.environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def back_up(self, folder: Path) -> None:
        if self.name == "restic":
            self.run("backup", "--quiet", folder)
        else:
            self.run("backup", "--quiet", "--volume", folder.name, folder)

    @contextlib.contextmanager
    def mounted(self, source: Path) -> Iterator[tuple[Path, float]]:
        """The mounted snapshot of a folder, and when the mount was begun."""
        point = Path(tempfile.mkdtemp(dir=self.home))
        if self.name == "restic":
            command = ["mount", point]
            inside = point / "snapshots" / "latest" / source.relative_to("/")
        else:
            command = ["mount", "--volume", source.name, "latest", point]
            inside = point
        begun = time.monotonic()
        process = subprocess.Popen(
            [self.program, *map(str, command)],
            env=self.environment,
            stdout=subprocess.DEVNULL,
        )
        try:
            while not os.path.ismount(point):
                if process.poll() is not None:
                    sys.exit(f"{self.name} does not mount")
                time.sleep(0.001)
            yield inside, begun
        finally:
            subprocess.run(["umount", point], check=True)
            process.wait()
            point.rmdir()


def make_many(folder: Path, files: int) -> None:
    for number in range(files):
        below = folder / f"folder {number // IN_A_FOLDER:05}"
        if number % IN_A_FOLDER == 0:
            below.mkdir(parents=True)
        with open(below / f"a file of many, number {number:08}", "wb") as file:
            file.write(number.to_bytes(8, "little") if number % 16 == 0 else b"")
    deep = folder / DEEP
    deep.parent.mkdir(parents=True)
    deep.write_bytes(secrets.token_bytes(100_000))


def make_large(folder: Path, mib: int) -> None:
    folder.mkdir()
    with open(folder / "large", "wb") as file:
        for _ in range(mib):
            file.write(secrets.token_bytes(PIECE))


def drain(file) -> int:
    total = 0
    while piece := file.read(PIECE):
        total += len(piece)
    return total


def first_byte(program: Program, many: Path) -> tuple[float, float]:
    with program.mounted(many) as (inside, begun):
        ready = time.monotonic()
        with open(inside / DEEP, "rb", buffering=0) as file:
            assert len(file.read(1)) == 1
        end = time.monotonic()
    return end - begun, end - ready


def listing(program: Program, many: Path) -> float:
    with program.mounted(many) as (inside, _):
        begun = time.monotonic()
        with os.scandir(inside / "folder 00000") as entries:
            sizes = sum(entry.stat(follow_symlinks=False).st_size for entry in entries)
        assert sizes > 0
        return time.monotonic() - begun


def rate(program: Program, large: Path, size: int) -> float:
    with program.mounted(large) as (inside, _):
        begun = time.monotonic()
        with open(inside / "large", "rb", buffering=0) as file:
            assert drain(file) == size
        return size / (time.monotonic() - begun) / PIECE


def rate_of_cat(program: Program, large: Path, size: int) -> float:
    begun = time.monotonic()
    process = subprocess.Popen(
        [program.program, "cat", "--volume", large.name, "latest:large"],
        env=program.environment,
        stdout=subprocess.PIPE,
    )
    assert drain(process.stdout) == size
    assert process.wait() == 0
    return size / (time.monotonic() - begun) / PIECE


def median(runs: int, measure) -> float:
    return statistics.median(measure() for _ in range(runs))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--orlop", type=Path, required=True)
    parser.add_argument("--restic", type=Path)
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--size", type=int, default=1024, metavar="MIB")
    parser.add_argument("--runs", type=int, default=5)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as top_name:
        top = Path(top_name)
        many, large = top / "many", top / "large"
        make_many(many, chosen.files)
        make_large(large, chosen.size)
        size = chosen.size * PIECE
        programs = [Program("orlop", chosen.orlop.resolve(), top)]
        if chosen.restic:
            programs.append(Program("restic", chosen.restic.resolve(), top))
        for program in programs:
            program.run("init")
            program.back_up(many)
            times = [first_byte(program, many) for _ in range(chosen.runs)]
            from_start, mounted = (statistics.median(column) for column in zip(*times, strict=True))
            print(f"{program.name}: first byte out of {chosen.files} files: "
                  f"{from_start * 1000:.0f} ms from the start, {mounted * 1000:.1f} ms mounted")
            seconds = median(chosen.runs, lambda p=program: listing(p, many))
            print(f"{program.name}: listing {min(IN_A_FOLDER, chosen.files)} names with stat: "
                  f"{seconds * 1000:.0f} ms")
            # restic's `latest` is the newest of all.
            program.back_up(large)
            mib = median(chosen.runs, lambda p=program: rate(p, large, size))
            print(f"{program.name}: mount, {chosen.size} MiB in order: {mib:.0f} MiB/s")
        mib = median(chosen.runs, lambda: rate_of_cat(programs[0], large, size))
        print(f"orlop cat: {mib:.0f} MiB/s")


if __name__ == "__main__":
    main()
