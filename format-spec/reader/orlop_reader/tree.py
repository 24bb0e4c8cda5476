"""Trees (FORMAT.md section 8)."""

from collections.abc import Iterator
from dataclasses import dataclass

from . import cbor, seal
from .entry import FILE, check
from .errors import Damage, Lost
from .keys import Keys
from .packs import MIB, Place
from .store import pack_name

ZEROS, HOLE, UNWRITTEN = range(3)


@dataclass(frozen=True)
class Ref:
    """A chunk or page and where it should stand."""

    id: bytes
    length: int
    place: Place


@dataclass
class Page:
    level: int
    record: dict
    blocks: list[tuple[tuple[bytes, int], int, int]]

    @classmethod
    def decode(cls, data: bytes, what: str) -> "Page":
        if len(data) > MIB:
            raise Damage(f"{what}: {len(data)} bytes")
        record = cbor.decode(data, what)
        packs = [tuple(pack) for pack in cbor.field(record, 1, list, what)]
        blocks = [(packs[p], at, n) for p, at, n in cbor.field(record, 2, list, what)]
        if list(record) != sorted(record) or len({3, 4, 5, 6} & set(record)) != 1:
            raise Damage(f"{what}: not the fields of a page")
        _check_groups(record.get(3, []), what)
        return cls(cbor.field(record, 0, int, what), record, blocks)

    def ref(self, item: list) -> Ref:
        digest, length, block, offset = item[:4]
        if len(digest) != 32 or not 1 <= length <= MIB:
            raise Damage("a reference in a page is out of bounds")
        pack, at, stored = self.blocks[block]
        return Ref(digest, length, Place(pack, at, stored, offset))

    def extents(self, items: list) -> list:
        """Refs, and pairs of kind and length."""
        return [self.ref(item) if isinstance(item[0], bytes) else tuple(item) for item in items]


class Chunks:
    """Reads chunks and pages by their places; keeps the last block of each kind."""

    def __init__(self, store, keys: Keys, live: set, index: dict, lost: set):
        self.store, self.keys, self.live, self.index = store, keys, live, index
        self.lost = lost
        self._blocks: dict = {}

    def places(self, ref: Ref) -> list[Place]:
        """The hint if its pack is live, then what the index says."""
        found = [ref.place] if ref.place.pack in self.live else []
        for place, length in self.index.get(ref.id[:16], []):
            if length == ref.length and place.pack in self.live and place not in found:
                found.append(place)
        return found

    def find(self, ref: Ref) -> Place:
        for place in self.places(ref):
            if ref.id[:16] not in self.lost:
                return place
        return self._gone(ref, f"{pack_name(ref.place.pack)}: gone, and no other pack has")

    def _gone(self, ref: Ref, why: str):
        if ref.id[:16] in self.lost:
            raise Lost(f"{pack_name(ref.place.pack)}: {ref.id.hex()} was declared lost")
        raise Damage(f"{why} {ref.id.hex()}")

    def read(self, ref: Ref, kind: int) -> bytes:
        """The plaintext, from the first place where it is."""
        why = f"{pack_name(ref.place.pack)}: gone, and no other pack has"
        for place in self.places(ref):
            try:
                return self._read_at(ref, kind, place)
            except Damage as error:
                why = f"{error}; no other pack has"
        return self._gone(ref, why)

    def _read_at(self, ref: Ref, kind: int, place: Place) -> bytes:
        what = f"{pack_name(place.pack)}: block at {place.block}"
        key = (place.pack, place.block)
        if key not in self._blocks:
            stored = self.store.read(pack_name(place.pack), place.block, place.stored)
            if len(self._blocks) >= 8:
                self._blocks.pop(next(iter(self._blocks)))
            self._blocks[key] = seal.open_block(self.keys, kind, stored, what)
        plain = self._blocks[key][place.offset : place.offset + ref.length]
        found = self.keys.chunk_id(plain) if kind == seal.DATA else self.keys.page_id(plain)
        if found != ref.id:
            raise Damage(f"{what}: {ref.id.hex()} is not at {place.offset}")
        return plain

    def page(self, ref: Ref) -> Page:
        what = f"page {ref.id.hex()}"
        return Page.decode(self.read(ref, seal.TREE), what)


def entries(chunks: Chunks, ref: Ref) -> Iterator[tuple[bytes, dict, Page]]:
    """All entries in the order of their keys: prefix of the folder, entry, page it stands in."""
    last = b""
    for parent, entry, page in _pages(chunks, ref, None, None):
        key = parent + b"\0" + entry[0]
        if key <= last:
            raise Damage(f"page {ref.id.hex()}: keys do not ascend")
        last = key
        yield parent, entry, page


def _check_groups(groups: list, what: str) -> None:
    last = b""
    for parent, group in groups:
        if not group:
            raise Damage(f"{what}: an empty group")
        for entry in group:
            check(parent, entry)
            key = parent + b"\0" + entry[0]
            if key <= last:
                raise Damage(f"{what}: keys do not ascend")
            last = key


def _pages(chunks, ref, level, announced):
    page = chunks.page(ref)
    what = f"page {ref.id.hex()}"
    if level is not None and page.level != level or page.level > 31:
        raise Damage(f"{what}: level {page.level}, not {level}")
    count = size = 0
    first = None
    if page.level == 0:
        for parent, group in cbor.field(page.record, 3, list, what):
            for entry in group:
                first = parent + b"\0" + entry[0] if first is None else first
                count += 1
                size += entry[7] if entry[1] == FILE else 0
                yield parent, entry, page
    else:
        for child in cbor.field(page.record, 4, list, what):
            first = child[0] if first is None else first
            count, size = count + child[5], size + child[6]
            yield from _pages(chunks, page.ref(child[1:5]), page.level - 1, child)
    size = min(size, (1 << 64) - 1)
    if announced and (first, count, size) != (announced[0], announced[5], announced[6]):
        raise Damage(f"{what}: first key or totals are not what the page above says")


def content(chunks: Chunks, entry: dict, page: Page) -> Iterator:
    """The extents of a file that has no inline data: refs, and pairs of kind and length."""
    if 16 in entry:
        yield from page.extents(entry[16])
    elif 17 in entry:
        yield from _content(chunks, page.ref(entry[17]), entry[17][4], entry[7])


def _content(chunks, ref, level, covers):
    page = chunks.page(ref)
    what = f"content page {ref.id.hex()}"
    if page.level != level:
        raise Damage(f"{what}: level {page.level}, not {level}")
    total = 0
    if level == 0:
        for extent in page.extents(cbor.field(page.record, 5, list, what)):
            total += extent.length if isinstance(extent, Ref) else extent[1]
            yield extent
    else:
        for child in cbor.field(page.record, 6, list, what):
            total += child[4]
            yield from _content(chunks, page.ref(child), level - 1, child[4])
    if total != covers:
        raise Damage(f"{what}: it covers {total} bytes, not {covers}")
