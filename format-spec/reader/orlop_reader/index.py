"""Index segments (FORMAT.md section 9)."""

import struct
from dataclasses import dataclass

from . import seal
from .errors import Damage
from .keys import Keys
from .packs import Place
from .store import object_hash

PACK = struct.Struct("<16sIB3sQ32s")
MAX_CHUNKS = 1 << 20


@dataclass
class Segment:
    """What one segment lists."""

    packs: dict[tuple[bytes, int], tuple[int, int, bytes]]
    """Kind, length, hash."""
    chunks: list[tuple[bytes, Place, int]]
    """First half of the id, place, length."""


def parse(body: bytes, name: str) -> Segment:
    if len(body) < 8:
        raise Damage(f"{name}: no counts")
    p, c = struct.unpack_from("<II", body)
    if c > MAX_CHUNKS or len(body) != 8 + 64 * p + 36 * c:
        raise Damage(f"{name}: {len(body)} bytes for {p} packs and {c} chunks")
    table, packs = [], {}
    for session, number, kind, zero, length, digest in PACK.iter_unpack(body[8 : 8 + 64 * p]):
        if kind not in (1, 2) or zero != bytes(3):
            raise Damage(f"{name}: a pack of kind {kind}")
        table.append((session, number))
        packs[session, number] = (kind, length, digest)
    at = 8 + 64 * p
    ids = [body[at + 16 * n : at + 16 * n + 16] for n in range(c)]
    if ids != sorted(ids):
        raise Damage(f"{name}: its ids do not ascend")
    at += 16 * c
    columns = [struct.unpack_from(f"<{c}I", body, at + 4 * c * n) for n in range(5)]
    chunks = []
    for prefix, pack, block, stored, offset, length in zip(ids, *columns):
        if pack >= p or block + stored > packs[table[pack]][1]:
            raise Damage(f"{name}: a chunk outside its pack")
        chunks.append((prefix, Place(table[pack], block, stored, offset), length))
    return Segment(packs, chunks)


def read(store, keys: Keys, reference) -> Segment:
    """Reads the segment that the log names: [session, number, length, hash]."""
    session, number, length, digest = reference
    name = f"index/{session.hex()}/{number:010}"
    data = store.get(name)
    if len(data) != length or object_hash(data) != digest:
        raise Damage(f"{name}: not the object that the log names")
    return parse(seal.open_object(keys, seal.SEGMENT, name, data), name)
