"""Changes a folder in place until it equals another, block by block."""

import os
import shutil
from pathlib import Path

BLOCK_BYTES = 8 << 10
READ_BYTES = 4 << 20


def switch(wanted: Path, live: Path) -> None:
    """Makes `live` equal to `wanted` and leaves alone what is equal already.

    Two files of the same length and time are taken as equal. In the others only blocks that differ
    are written, so inodes stay as they are.
    """
    _folder(os.fspath(wanted), os.fspath(live))


def _folder(wanted: str, live: str) -> None:
    names = {entry.name: entry for entry in os.scandir(wanted)}
    for entry in list(os.scandir(live)):
        twin = names.get(entry.name)
        if twin is None or _kind(twin) != _kind(entry):
            _remove(entry)
    for name, entry in names.items():
        target = os.path.join(live, name)
        if entry.is_symlink():
            if not os.path.islink(target) or os.readlink(target) != os.readlink(entry.path):
                if os.path.lexists(target):
                    os.unlink(target)
                os.symlink(os.readlink(entry.path), target)
                _owner(entry.path, target)
        elif entry.is_dir():
            if not os.path.isdir(target):
                os.mkdir(target)
            _folder(entry.path, target)
        else:
            _file(entry.path, target)
    _attributes(wanted, live)


def _file(wanted: str, live: str) -> None:
    want = os.stat(wanted)
    have = os.stat(live) if os.path.exists(live) else None
    if have and (have.st_size, have.st_mtime_ns) == (want.st_size, want.st_mtime_ns):
        return
    flags = os.O_RDWR | os.O_CREAT
    with open(wanted, "rb") as source, os.fdopen(os.open(live, flags, 0o600), "r+b") as target:
        offset = 0
        while block := source.read(READ_BYTES):
            old = os.pread(target.fileno(), len(block), offset)
            if old != block:
                _differing(target.fileno(), offset, old, block)
            offset += len(block)
        os.ftruncate(target.fileno(), want.st_size)
    _attributes(wanted, live)


def _differing(fd: int, offset: int, old: bytes, new: bytes) -> None:
    for start in range(0, len(new), BLOCK_BYTES):
        piece = new[start : start + BLOCK_BYTES]
        if old[start : start + BLOCK_BYTES] != piece:
            os.pwrite(fd, piece, offset + start)


def _attributes(wanted: str, live: str) -> None:
    want, have = os.stat(wanted), os.stat(live)
    _owner(wanted, live)
    if want.st_mode != have.st_mode:
        os.chmod(live, want.st_mode & 0o7777)
    if want.st_mtime_ns != os.stat(live).st_mtime_ns:
        os.utime(live, ns=(want.st_atime_ns, want.st_mtime_ns))


def _owner(wanted: str, live: str) -> None:
    want, have = os.lstat(wanted), os.lstat(live)
    if (want.st_uid, want.st_gid) != (have.st_uid, have.st_gid):
        os.chown(live, want.st_uid, want.st_gid, follow_symlinks=False)


def _kind(entry: os.DirEntry) -> tuple[bool, bool]:
    return entry.is_symlink(), entry.is_dir(follow_symlinks=False)


def _remove(entry: os.DirEntry) -> None:
    if entry.is_dir(follow_symlinks=False):
        shutil.rmtree(entry.path)
    else:
        os.unlink(entry.path)
