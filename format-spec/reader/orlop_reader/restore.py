"""Writes a snapshot to a folder: content, holes, links, modes, times, owners, attributes."""

import os
import stat

from . import seal, tree
from .check import Repository
from .entry import BLOCK, CHAR, FIFO, FILE, FOLDER, SOCKET, SYMLINK
from .errors import Damage


def restore(repository: Repository, snapshot: dict, target: bytes) -> list[str]:
    """Restores into `target`, which must not exist. Gives what could not be set, a line each.

    For folders that nobody else can write to meanwhile: paths are not guarded against others.
    """
    os.mkdir(target, 0o700)
    links: dict[bytes, bytes] = {}
    folders: list[tuple[bytes, dict]] = []
    warnings: list[str] = []
    for parent, entry, page in tree.entries(repository.chunks, repository.root(snapshot)):
        path = target + b"/" + parent.replace(b"\0", b"/") + entry[0]
        kind = entry[1]
        group = entry.get(9)
        if kind != FOLDER and group in links:
            os.link(links[group], path, follow_symlinks=False)
            continue
        if kind == FOLDER:
            if entry[0]:
                os.mkdir(path, 0o700)
            # Folders last, the deepest first: what is made in them changes their times.
            folders.append((path, entry))
            continue
        try:
            if not _make(repository, path, entry, page, warnings):
                continue
        except Damage as error:
            warnings.append(f"{path!r}: {error}")
        if group is not None:
            links[group] = path
        _describe(path, entry, warnings)
    for path, entry in reversed(folders):
        _describe(path, entry, warnings)
    return warnings


def _make(repository, path: bytes, entry: dict, page, warnings: list[str]) -> bool:
    kind = entry[1]
    try:
        if kind == FILE:
            _write(repository.chunks, path, entry, page)
        elif kind == SYMLINK:
            os.symlink(entry[11], path)
        elif kind in (CHAR, BLOCK):
            of = stat.S_IFCHR if kind == CHAR else stat.S_IFBLK
            os.mknod(path, of | 0o600, os.makedev(*entry[10]))
        elif kind == FIFO:
            os.mkfifo(path, 0o600)
        elif kind == SOCKET:
            os.mknod(path, stat.S_IFSOCK | 0o600)
        else:
            warnings.append(f"{path!r}: of the unknown kind {kind}")
            return False
    except PermissionError as error:
        warnings.append(f"{path!r}: cannot be made: {error}")
        return False
    return True


def _write(chunks: tree.Chunks, path: bytes, entry: dict, page) -> None:
    size = entry[7]
    with open(path, "xb") as file:
        data = entry.get(21, b"")
        file.write(data)
        at = len(data)
        for extent in tree.content(chunks, entry, page):
            if isinstance(extent, tree.Ref):
                file.seek(at)
                file.write(chunks.read(extent, seal.DATA))
                at += extent.length
                continue
            kind, length = extent
            if kind == tree.ZEROS:
                file.seek(at)
                for start in range(0, length, 1 << 20):
                    file.write(bytes(min(1 << 20, length - start)))
            elif kind == tree.UNWRITTEN and length:
                file.flush()
                os.posix_fallocate(file.fileno(), at, length)
            elif kind != tree.HOLE and kind != tree.UNWRITTEN:
                raise Damage(f"{path!r}: an extent of kind {kind}")
            at += length
        if at != size:
            raise Damage(f"{path!r}: {at} bytes of content, not {size}")
        file.truncate(size)


def _describe(path: bytes, entry: dict, warnings: list[str]) -> None:
    """Owner, attributes, mode and times, in an order in which none undoes another."""

    def attempt(what, *arguments, **options):
        try:
            what(path, *arguments, follow_symlinks=False, **options)
        except OSError as error:
            warnings.append(f"{path!r}: {what.__name__}: {error}")

    link = entry[1] == SYMLINK
    attempt(os.chown, entry[3], entry[4])
    if not link:
        attempt(_chmod, entry[2])
    for name, value in entry.get(12, []):
        attempt(os.setxattr, name, value)
    nanos = entry[5][0] * 1_000_000_000 + entry[5][1]
    attempt(os.utime, ns=(nanos, nanos))


def _chmod(path: bytes, mode: int, follow_symlinks: bool) -> None:
    # What is described was just made here, and it is no link.
    os.chmod(path, mode)
