"""What an entry of a tree may be (FORMAT.md section 8.2)."""

from .errors import Damage

FOLDER, FILE, SYMLINK, CHAR, BLOCK, FIFO, SOCKET = range(7)


def check_name(parent: bytes, name: bytes) -> None:
    """A name that may be restored: nothing that leads out of the folder."""
    parts = parent.split(b"\0")
    if parts.pop() != b"" or (not name and parent):
        raise Damage(f"an entry has an illegal key: {parent!r} {name!r}")
    for part in [*parts, *([name] if name else [])]:
        if part in (b"", b".", b"..") or b"/" in part or b"\0" in part or len(part) > 4096:
            raise Damage(f"an entry has an illegal name: {part!r}")


def check(parent: bytes, entry: dict) -> None:
    """Every rule that can be judged without the content pages."""
    if not set(range(9)) <= set(entry) or list(entry) != sorted(entry):
        raise Damage("an entry lacks fields, or they are out of order")
    name = entry[0]
    check_name(parent, name)
    contents = {16, 17, 21} & set(entry)
    times = [entry[key] for key in (5, 6, 18) if key in entry]
    xattrs = [name for name, _ in entry.get(12, [])]
    target = entry.get(11, b"")
    illegal = {
        "a mode": entry[2] > 0o7777,
        "nanoseconds": any(not 0 <= nanos < 1_000_000_000 for _, nanos in times),
        "a target": (entry[1] <= SOCKET and entry[1] != SYMLINK and target) or b"\0" in target,
        "attributes": xattrs != sorted(set(xattrs)) or any(not n or b"\0" in n for n in xattrs),
        "a device": 20 in entry and 9 not in entry,
        "content": len(contents) > 1 or (contents and entry[1] in (FOLDER, *range(2, 7))),
        "a size": entry[1] == FILE and _length(entry) not in (None, entry[7]),
        "inline data": len(entry.get(21, b"")) > 128,
    }
    for what, is_illegal in illegal.items():
        if is_illegal:
            raise Damage(f"an entry {name!r} has {what} that it must not have")


def _length(entry: dict) -> int | None:
    """Length of the content; None if content pages know it."""
    if 17 in entry:
        return None
    if 16 in entry:
        return sum(extent[1] for extent in entry[16])
    return len(entry.get(21, b""))
