"""Packs (FORMAT.md section 7)."""

from dataclasses import dataclass

from . import cbor, seal
from .errors import Damage
from .keys import Keys
from .store import object_hash, pack_name

MIB = 1 << 20
USES = {1: "data", 2: "tree"}


@dataclass(frozen=True)
class Place:
    """Where a chunk or page stands."""

    pack: tuple[bytes, int]
    block: int
    stored: int
    offset: int


@dataclass
class Directory:
    """What the footer of a pack lists."""

    kind: int
    body_hash: bytes
    padding: int
    blocks: list[tuple[int, int, int]]
    """Offset, stored length, number of chunks."""
    chunks: list[tuple[bytes, Place, int]]
    """First half of the id, place, length; in the order of the pack."""
    footer: bytes
    """As it is stored."""


def directory(keys: Keys, pack: tuple[bytes, int], data: bytes) -> Directory:
    """Opens and checks the footer of a whole pack."""
    name = pack_name(pack)
    if data[:8] != b"ORLPACK1" or len(data) < 24 or data[10:16] != bytes(6):
        raise Damage(f"{name}: no header of a pack")
    kind, suite = data[8], data[9]
    if kind not in USES or suite != keys.suite:
        raise Damage(f"{name}: kind {kind}, suite {suite}")
    length = int.from_bytes(data[-8:-4], "little")
    if data[-4:] != b"ORLE" or length + 24 > len(data):
        raise Damage(f"{name}: no end of a pack")
    footer = data[-8 - length : -8]
    body = seal.open_object(keys, seal.FOOTER, name, footer, USES[kind])
    record = cbor.decode(body, name)
    if cbor.field(record, 0, int, name) != kind:
        raise Damage(f"{name}: header and footer are of different kinds")
    stored, counts = (cbor.field(record, key, list, name) for key in (3, 4))
    prefixes, lengths = cbor.field(record, 5, bytes, name), cbor.field(record, 6, list, name)
    if len(stored) != len(counts) or sum(counts) != len(lengths) or len(prefixes) != 16 * len(lengths):
        raise Damage(f"{name}: the columns of the footer do not fit together")
    padding = cbor.field(record, 2, int, name)
    if 16 + sum(stored) + padding + length + 8 != len(data):
        raise Damage(f"{name}: its length is not that of its parts")
    blocks, chunks, at, n = [], [], 16, 0
    for block, count in zip(stored, counts):
        blocks.append((at, block, count))
        offset = 0
        for _ in range(count):
            if not 1 <= lengths[n] <= MIB:
                raise Damage(f"{name}: a chunk of {lengths[n]} bytes")
            chunks.append((prefixes[16 * n : 16 * n + 16], Place(pack, at, block, offset), lengths[n]))
            offset += lengths[n]
            n += 1
        at += block
    return Directory(kind, cbor.field(record, 1, bytes, name), padding, blocks, chunks, footer)


def verify(keys: Keys, pack: tuple[bytes, int], data: bytes) -> Directory:
    """Checks every byte of a pack: each block, each id, the padding, the hash of the body."""
    name = pack_name(pack)
    listed = directory(keys, pack, data)
    chunks = iter(listed.chunks)
    for at, stored, count in listed.blocks:
        what = f"{name}: block at {at}"
        plain = seal.open_block(keys, listed.kind, data[at : at + stored], what)
        end = 0
        for prefix, place, length in (next(chunks) for _ in range(count)):
            end = place.offset + length
            piece = plain[place.offset : end]
            found = keys.chunk_id(piece) if listed.kind == seal.DATA else keys.page_id(piece)
            if len(piece) != length or found[:16] != prefix:
                raise Damage(f"{what}: the chunk at {place.offset} is not {prefix.hex()}")
        if end != len(plain):
            raise Damage(f"{what}: {len(plain)} bytes, its chunks have {end}")
    end = len(data) - 8 - len(listed.footer)
    generation = int.from_bytes(listed.footer[8:12], "little")
    padding = keys.padding(generation, listed.footer[12:36], listed.padding)
    if data[end - listed.padding : end] != padding:
        raise Damage(f"{name}: the padding is not that of its footer")
    if object_hash(data[:end]) != listed.body_hash:
        raise Damage(f"{name}: the hash of the body is wrong")
    return listed
