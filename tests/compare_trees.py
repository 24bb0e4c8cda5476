#!/usr/bin/env python3
"""Says whether two folders are the same, down to what only root can see.

    compare_trees.py [--ignore KIND,...] [--ignore-sockets] ONE OTHER

Compares every entry below both folders, and the folders themselves: type, permissions, owner,
group, length, time of change to the nanosecond, device number, which paths share an inode, where
links point, extended attributes (with access lists and capabilities, on symbolic links too), the
flags that chattr sets, project ids, content, and where files have holes. Prints one line a
difference. Ends with 0 when there is none, 1 when there are some, 2 when something cannot be read.

Names are bytes, printed with escapes. The walk opens folder by folder, so paths may be longer than
the kernel takes in one piece. Shares no code with the program whose restores it judges.
"""

import argparse
import errno
import fcntl
import hashlib
import os
import stat
import struct
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, fields

FS_IOC_GETFLAGS = 0x80086601
FS_IOC_FSGETXATTR = 0x801C581F
# struct fsxattr: xflags, extsize, nextents, projid, cowextsize, 8 bytes of padding.
FSXATTR = struct.Struct("=IIIII8x")

# The flags that a person may set. Others say how a file system stores a file (extents, inline data,
# hashed folder) and need not come back.
SETTABLE_FLAGS = {
    0x00000001: "secure-deletion",
    0x00000002: "undeletable",
    0x00000004: "compressed",
    0x00000008: "synchronous",
    0x00000010: "immutable",
    0x00000020: "append-only",
    0x00000040: "no-dump",
    0x00000080: "no-atime",
    0x00000400: "no-compression",
    0x00004000: "journal-data",
    0x00008000: "no-tail",
    0x00010000: "synchronous-folder",
    0x00020000: "top-of-hierarchy",
    0x00800000: "no-copy-on-write",
    0x02000000: "dax",
    0x20000000: "project-inherit",
    0x40000000: "casefold",
}
FLAG_MASK = sum(SETTABLE_FLAGS)

TYPES = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "folder",
    stat.S_IFLNK: "symbolic link",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
}

# What a file system answers that has no such flags or project ids.
NO_SUCH_IOCTL = {errno.ENOTTY, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS}
BLOCK_BYTES = 64 << 10
ZEROS = bytes(BLOCK_BYTES)


@dataclass(frozen=True)
class Entry:
    """All that is compared of one name. None where a kind of entry has no such thing."""

    type: str
    mode: int
    uid: int
    gid: int
    mtime: int
    size: int | None = None
    device: tuple[int, int] | None = None
    target: bytes | None = None
    xattrs: tuple[tuple[str, bytes], ...] = ()
    flags: int | None = None
    project: int | None = None
    content: str | None = None
    holes: tuple[tuple[int, int], ...] | None = None
    # All paths of this tree that share the inode, this one among them.
    links: tuple[bytes, ...] = ()


KINDS = tuple(field.name for field in fields(Entry))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("one", type=os.fsencode)
    parser.add_argument("other", type=os.fsencode)
    parser.add_argument(
        "--ignore", default="", metavar="KIND,...", help=f"do not compare: {', '.join(KINDS)}"
    )
    parser.add_argument("--ignore-sockets", action="store_true", help="as if there were none")
    chosen = parser.parse_args(arguments)
    ignored = {kind for kind in chosen.ignore.split(",") if kind}
    if unknown := ignored - set(KINDS):
        parser.error(f"nothing is called {', '.join(sorted(unknown))}")
    try:
        one, other = (
            read_tree(root, sockets=not chosen.ignore_sockets, ignored=ignored)
            for root in (chosen.one, chosen.other)
        )
    except OSError as error:
        print(f"cannot compare: {error}", file=sys.stderr)
        return 2
    found = False
    for line in differences(one, other, ignored):
        found = True
        print(line)
    return int(found)


def differences(
    one: dict[bytes, Entry], other: dict[bytes, Entry], ignored: set[str]
) -> Iterator[str]:
    """One line for each difference, by path."""
    groups_told: set[tuple[tuple[bytes, ...], tuple[bytes, ...]]] = set()
    for path in sorted(one.keys() | other.keys()):
        left, right = one.get(path), other.get(path)
        if left is None or right is None:
            there = left or right
            assert there is not None
            side = "second" if left is None else "first"
            yield f"{show(path)}: only in the {side}: {there.type}"
            continue
        for kind in KINDS:
            before, after = getattr(left, kind), getattr(right, kind)
            if kind in ignored or before == after:
                continue
            if kind == "links":
                # A group of many paths is told once, not once a path.
                if (before, after) in groups_told:
                    continue
                groups_told.add((before, after))
            yield f"{show(path)}: {kind}: {describe(kind, before)} became {describe(kind, after)}"


def read_tree(root: bytes, *, sockets: bool = True, ignored: set[str] = frozenset()) -> dict:
    """All entries below `root` by path, `root` itself as `.`."""
    entries: dict[bytes, Entry] = {}
    inodes: dict[tuple[int, int], list[bytes]] = defaultdict(list)
    for path, entry, inode in _walk(root, ignored):
        if entry.type == "socket" and not sockets:
            continue
        entries[path] = entry
        if inode:
            inodes[inode].append(path)
    for paths in inodes.values():
        if len(paths) > 1:
            group = tuple(sorted(paths))
            for path in group:
                entries[path] = Entry(**(vars(entries[path]) | {"links": group}))
    return entries


def _walk(root: bytes, ignored: set[str]) -> Iterator[tuple[bytes, Entry, tuple | None]]:
    """Depth first with one open folder, however deep the tree: up goes by `..`."""
    entry, info = _read(root, ignored)
    yield b".", entry, _inode(info)
    if not stat.S_ISDIR(info.st_mode):
        return
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    here = os.open(root, flags)
    try:
        # (path, its inode, names of folders still to visit) of each folder on the way down.
        below: list[bytes] = []
        yield from _folder(here, b"", below, ignored)
        stack = [(b"", os.fstat(here), below)]
        while stack:
            path, info, waiting = stack[-1]
            if waiting:
                name = waiting.pop()
                child = os.open(name, flags, dir_fd=here)
                os.close(here)
                here = child
                path = os.path.join(path, name)
                below = []
                yield from _folder(here, path, below, ignored)
                stack.append((path, os.fstat(here), below))
                continue
            stack.pop()
            if stack:
                parent = os.open(b"..", flags & ~os.O_NOFOLLOW, dir_fd=here)
                os.close(here)
                here = parent
                if not os.path.samestat(os.fstat(here), stack[-1][1]):
                    raise OSError(errno.ESTALE, "the tree changed while it was read", show(path))
    finally:
        os.close(here)


def _folder(
    here: int, path: bytes, below: list[bytes], ignored: set[str]
) -> Iterator[tuple[bytes, Entry, tuple | None]]:
    prefix = b"/proc/self/fd/%d/" % here
    for name in os.listdir(here):
        raw = os.fsencode(name)
        entry, info = _read(prefix + raw, ignored)
        if stat.S_ISDIR(info.st_mode):
            below.append(raw)
        yield os.path.join(path, raw), entry, _inode(info)


def _inode(info: os.stat_result) -> tuple[int, int] | None:
    return None if stat.S_ISDIR(info.st_mode) else (info.st_dev, info.st_ino)


def _read(path: bytes, ignored: set[str]) -> tuple[Entry, os.stat_result]:
    info = os.lstat(path)
    kind = stat.S_IFMT(info.st_mode)
    facts: dict = {
        "type": TYPES.get(kind, f"type {kind:o}"),
        "mode": stat.S_IMODE(info.st_mode),
        "uid": info.st_uid,
        "gid": info.st_gid,
        "mtime": info.st_mtime_ns,
        "xattrs": _xattrs(path),
    }
    if kind == stat.S_IFLNK:
        facts["target"] = os.readlink(path)
    if kind in (stat.S_IFCHR, stat.S_IFBLK):
        facts["device"] = (os.major(info.st_rdev), os.minor(info.st_rdev))
    if kind in (stat.S_IFREG, stat.S_IFDIR):
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            facts["flags"] = _flags(fd)
            facts["project"] = _project(fd)
            if kind == stat.S_IFREG:
                facts["size"] = info.st_size
                data = list(_data_ranges(fd, info.st_size))
                facts["holes"] = tuple(_complement(data, info.st_size))
                if "content" not in ignored:
                    facts["content"] = _content(fd, data)
        finally:
            os.close(fd)
    return Entry(**facts), info


def _xattrs(path: bytes) -> tuple[tuple[str, bytes], ...]:
    try:
        names = sorted(os.listxattr(path, follow_symlinks=False))
    except OSError as error:
        if error.errno == errno.EOPNOTSUPP:
            return ()
        raise
    return tuple((name, os.getxattr(path, name, follow_symlinks=False)) for name in names)


def _flags(fd: int) -> int | None:
    buffer = bytearray(8)
    try:
        fcntl.ioctl(fd, FS_IOC_GETFLAGS, buffer)
    except OSError as error:
        if error.errno in NO_SUCH_IOCTL:
            return None
        raise
    return struct.unpack_from("=I", buffer)[0] & FLAG_MASK


def _project(fd: int) -> int | None:
    buffer = bytearray(FSXATTR.size)
    try:
        fcntl.ioctl(fd, FS_IOC_FSGETXATTR, buffer)
    except OSError as error:
        if error.errno in NO_SUCH_IOCTL:
            return None
        raise
    return FSXATTR.unpack(buffer)[3]


def _data_ranges(fd: int, size: int) -> Iterator[tuple[int, int]]:
    """Ranges (start, end) that are not holes.

    Reserved space counts as data while clean pages of it are in the page cache, that is, after
    anybody read it; so they are dropped first.
    """
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    offset = 0
    while offset < size:
        try:
            start = os.lseek(fd, offset, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            raise
        offset = min(os.lseek(fd, start, os.SEEK_HOLE), size)
        yield start, offset


def _complement(ranges: list[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    at = 0
    for start, end in ranges:
        if start > at:
            yield at, start
        at = end
    if at < size:
        yield at, size


def _content(fd: int, ranges: list[tuple[int, int]]) -> str:
    """Hash over all blocks that hold another byte than zero, with their places.

    So it is the same whether zeros are written out or are a hole, and a hole costs nothing.
    """
    state = hashlib.blake2b(digest_size=32)
    done = 0
    for start, end in ranges:
        offset = max(done, start - start % BLOCK_BYTES)
        while offset < end:
            # Whole blocks at multiples of their length, wherever the ranges begin.
            block = _read_full(fd, BLOCK_BYTES, offset)
            if not block:
                break
            if block != ZEROS[: len(block)]:
                state.update(struct.pack("<QI", offset, len(block)))
                state.update(block)
            offset += BLOCK_BYTES
        done = max(done, offset)
    return state.hexdigest()


def _read_full(fd: int, length: int, offset: int) -> bytes:
    parts = []
    while length and (part := os.pread(fd, length, offset)):
        parts.append(part)
        length -= len(part)
        offset += len(part)
    return b"".join(parts)


def show(path: bytes) -> str:
    """A path for people: what is not printable ASCII as an escape."""
    return "".join(chr(b) if 0x20 <= b < 0x7F and b != 0x5C else f"\\x{b:02x}" for b in path)


def describe(kind: str, value: object) -> str:
    """A value of `kind` for people, in one line of bounded length."""
    if value is None:
        return "none"
    match kind, value:
        case "mode", int(mode):
            return f"{mode:04o}"
        case "mtime", int(time):
            return f"{time // 10**9}.{time % 10**9:09d}"
        case "target", bytes(target):
            return show(target)
        case "flags", int(flags):
            return " ".join(name for bit, name in SETTABLE_FLAGS.items() if flags & bit) or "none"
        case "xattrs", tuple(pairs):
            return _shorten(f"{name}={data.hex()}" for name, data in pairs)
        case "holes", tuple(ranges):
            return _shorten(f"{start}-{end}" for start, end in ranges)
        case "links", tuple(paths):
            return _shorten(show(path) for path in paths)
    return str(value)


def _shorten(parts: Iterator[str]) -> str:
    text = "[" + ", ".join(parts) + "]"
    return text if len(text) <= 400 else text[:397] + "..."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
