"""Checks everything: every entry, segment, pack and page."""

from . import index, log, seal, tree
from . import keys as keyring
from .entry import FILE
from .errors import Damage, Lost
from .keys import Credentials, Keys
from .packs import Directory, verify
from .store import Store, object_hash, pack_name


class Repository:
    """An open repository: keys, state, and how to read chunks."""

    def __init__(self, root, credentials: Credentials):
        self.store = Store(root)
        self.problems: list[str] = []
        self.notes: list[str] = []
        self.keys, self.state = self._open(credentials)
        self.segments, self.index = {}, {}
        for reference in sorted(self.state.segments):
            segment = index.read(self.store, self.keys, reference)
            self.segments[reference] = segment
            for prefix, place, length in segment.chunks:
                self.index.setdefault(prefix, []).append((place, length))
        self.chunks = tree.Chunks(
            self.store, self.keys, set(self.state.packs), self.index, self.state.lost
        )

    def _open(self, credentials: Credentials) -> tuple[Keys, log.State]:
        """Keys and state by a slot that the log names: others may be left over."""
        first = None
        for name, keys in keyring.all_slots(self.store, credentials):
            problems: list[str] = []
            notes: list[str] = []
            try:
                seal.load_generations(self.store, keys)
                state = log.replay(self.store, keys, problems.append, notes.append)
                if state.slots.get(name) != object_hash(self.store.get(name)):
                    raise Damage(f"{name}: the log does not name this slot")
            except Damage as error:
                first = first or error
                continue
            self.problems, self.notes = problems, notes
            return keys, state
        raise first

    def snapshots(self) -> list[dict]:
        return sorted(self.state.snapshots.values(), key=lambda record: record[2])

    def root(self, snapshot: dict) -> tree.Ref:
        root = snapshot[6]
        place = tree.Place((root[2], root[3]), root[4], root[5], root[6])
        return tree.Ref(root[0], root[1], place)

    def find(self, name: str) -> dict:
        """The snapshot whose id begins so; `latest` is the last that was finished."""
        if name == "latest" and self.state.snapshots:
            return self.snapshots()[-1]
        found = [s for s in self.state.snapshots.values() if s[0].hex().startswith(name)]
        if len(found) != 1:
            raise Damage(f"{len(found)} snapshots are called {name}")
        return found[0]


def check(repository: Repository) -> list[str]:
    """Everything that is wrong, one line each."""
    problems = list(repository.problems)

    def attempt(what, *arguments):
        try:
            return what(*arguments)
        except Lost as error:
            repository.notes.append(str(error))
        except Damage as error:
            problems.append(str(error))
        except (KeyError, IndexError, TypeError, ValueError) as error:
            problems.append(f"malformed: {error!r}")
        return None

    attempt(_meta, repository)
    directories, bad = {}, {}
    for pack in sorted(repository.state.packs):
        try:
            directories[pack] = _pack(repository, pack)
        except Damage as error:
            bad[pack] = str(error)
    for name in repository.store.list("packs"):
        session, number = name.split("/")[1:]
        pack = (bytes.fromhex(session), int(number))
        if pack in repository.state.swept:
            problems.append(f"{name}: was swept, and is there")
    known = {
        prefix + repr((place, length)).encode()
        for listed in directories.values()
        for prefix, place, length in listed.chunks
    }
    repository.chunks.live -= set(bad)
    for pack, what in bad.items():
        # What a repair has dealt with needs nothing of it: it is copied, or declared lost.
        gone = _only_in(repository, pack, directories) - repository.state.lost
        (problems if gone else repository.notes).append(what)
    for snapshot in repository.snapshots():
        attempt(_snapshot, repository, snapshot, known)
    return problems


def _only_in(repository: Repository, pack, directories: dict) -> set:
    """First halves of the ids of what a pack holds and no good one does."""
    elsewhere = {prefix for listed in directories.values() for prefix, _, _ in listed.chunks}
    listed = {
        chunk[0]
        for segment in repository.segments.values()
        for chunk in segment.chunks
        if chunk[1].pack == pack
    }
    return (listed or {pack}) - elsewhere


def _meta(repository: Repository) -> None:
    state, store, keys = repository.state, repository.store, repository.keys
    data = store.get("meta/format")
    if object_hash(data) != state.format:
        raise Damage("meta/format: not the object that the log names")
    body = keyring.check_mac(data, b"ORLPFMT1", keys.meta, "meta/format")
    keyring.check_format(body, keys.repository_id, "meta/format")
    for name, digest in state.slots.items():
        data = store.get(name)
        if object_hash(data) != digest:
            raise Damage(f"{name}: not the object that the log names")
        keyring.check_mac(data, b"ORLPSLT1", keys.meta, name)


def _pack(repository: Repository, pack) -> Directory:
    """Every byte of a pack, and that each segment that lists it lists all of it, rightly."""
    name = pack_name(pack)
    data = repository.store.get(name)
    listed = verify(repository.keys, pack, data)
    expected = sorted(listed.chunks, key=repr)
    for reference, segment in repository.segments.items():
        if pack not in segment.packs:
            continue
        if segment.packs[pack] != (listed.kind, len(data), object_hash(data)):
            raise Damage(f"{name}: segment {reference[1]} of another kind, length or hash")
        entries = {repr(chunk): chunk for chunk in segment.chunks if chunk[1].pack == pack}
        if sorted(entries) != sorted({repr(chunk) for chunk in expected}):
            raise Damage(f"{name}: segment {reference[1]} does not list what the pack holds")
    return listed


def _snapshot(repository: Repository, snapshot: dict, known: set) -> None:
    """Reads every page, looks every chunk up in the directory of its pack."""
    chunks, files, size = repository.chunks, 0, 0
    for parent, entry, page in tree.entries(chunks, repository.root(snapshot)):
        covered = len(entry.get(21, b""))
        for extent in tree.content(chunks, entry, page):
            if not isinstance(extent, tree.Ref):
                covered += extent[1]
                continue
            covered += extent.length
            place = chunks.find(extent)
            if extent.id[:16] + repr((place, extent.length)).encode() not in known:
                path = (parent + entry[0]).replace(b"\0", b"/").decode(errors="backslashreplace")
                raise Damage(f"{path}: chunk {extent.id.hex()} is not where it should be")
        if entry[1] == FILE:
            files, size = files + 1, size + entry[7]
            if covered != entry[7]:
                raise Damage(f"a file of {entry[7]} bytes has content of {covered}")
    statistics = snapshot[7]
    if (files, size) != (statistics[0], statistics[3]):
        raise Damage(f"snapshot {snapshot[0].hex()}: {files} files of {size} bytes, not as it says")
