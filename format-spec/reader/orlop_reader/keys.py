"""Keys (FORMAT.md section 3) and slots (sections 4 and 5)."""

import hmac
from dataclasses import dataclass, field

import argon2.low_level
import pyrage
from blake3 import blake3
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as xchacha_open
from nacl.exceptions import CryptoError

from . import cbor
from .errors import Damage, NoKey

KINDS = {"raw": 1, "passphrase": 2, "recipient": 3, "kms": 4}
MAX_MEMORY_KIB = 1 << 20


def derive(context: str, key: bytes) -> bytes:
    return blake3(key, derive_key_context=context).digest()


def keyed(key: bytes, data: bytes) -> bytes:
    return blake3(data, key=key).digest()


@dataclass
class Keys:
    """Everything that is derived from the root key and the key generations."""

    root: bytes
    suite: int
    generations: dict[int, bytes] = field(default_factory=dict)

    def __post_init__(self):
        self.repository_id = derive("orlop v1 repository id", self.root)
        self.meta = derive("orlop v1 meta mac", self.root)
        self._chunk = derive("orlop v1 chunk id", self.root)
        self._page = derive("orlop v1 page id", self.root)

    def chunk_id(self, plain: bytes) -> bytes:
        return keyed(self._chunk, plain)

    def page_id(self, plain: bytes) -> bytes:
        return keyed(self._page, plain)

    def sealing(self, use: str, generation: int) -> bytes:
        """The key of one use (`data`, `tree`, `index`, `log`, `wrap`, `pad`) and generation."""
        material = self.generations.get(generation)
        if material is None:
            raise Damage(f"key generation {generation} is not known")
        return derive(f"orlop v1 {use} key", material)

    def commitment(self, generation: int) -> bytes:
        """What the log says of the material of a generation."""
        return derive("orlop v1 generation commitment", self.generations[generation])

    def padding(self, generation: int, nonce: bytes, length: int) -> bytes:
        return blake3(nonce, key=self.sealing("pad", generation)).digest(length=length)


@dataclass
class Credentials:
    """What the user has: any of them."""

    raw: bytes | None = None
    passphrase: bytes | None = None
    identity: str | None = None


def frame(data: bytes, magic: bytes, what: str) -> tuple[bytes, bytes, bytes]:
    """Splits a format object or slot into authenticated part, body and MAC."""
    length = int.from_bytes(data[8:12], "little")
    if data[:8] != magic or length > 64 << 10 or len(data) != 12 + length + 32:
        raise Damage(f"{what}: not framed as {magic.decode()}")
    return data[: 12 + length], data[12 : 12 + length], data[12 + length :]


def check_mac(data: bytes, magic: bytes, meta_key: bytes, what: str) -> bytes:
    """The body of a format object or slot, authenticated."""
    signed, body, mac = frame(data, magic, what)
    if not hmac.compare_digest(keyed(meta_key, signed), mac):
        raise Damage(f"{what}: its MAC is wrong")
    return body


def check_format(body: bytes, repository_id: bytes, what: str) -> dict:
    """The body of the format object."""
    record = cbor.decode(body, what)
    if cbor.field(record, 0, int, what) != 1:
        raise Damage(f"{what}: format version {record[0]}")
    if cbor.field(record, 1, bytes, what) != repository_id:
        raise Damage(f"{what}: it is of another repository")
    if cbor.field(record, 2, int, what) not in (1, 2):
        raise Damage(f"{what}: suite {record[2]}")
    if cbor.field(record, 6, list, what):
        raise Damage(f"{what}: features {record[6]} are needed to read and not known")
    return record


def open_slot(name: str, data: bytes, credentials: Credentials) -> Keys | None:
    """The keys in a slot; None if it does not belong to any of the credentials."""
    kind, hint, slot_id = name.rsplit("/", 1)[1].split("-")
    _, body, _ = frame(data, b"ORLPSLT1", name)
    record = cbor.decode(body, name)
    if cbor.field(record, 0, int, name) != KINDS.get(kind) or record.get(1) != bytes.fromhex(slot_id):
        raise Damage(f"{name}: kind or id is not that of its name")
    payload = _unwrap(name, kind, hint, record, credentials)
    if payload is None:
        return None
    payload = cbor.decode(payload, name)
    root = cbor.field(payload, 1, bytes, name)
    repository_id = derive("orlop v1 repository id", root)
    if repository_id != cbor.field(record, 4, bytes, name):
        raise Damage(f"{name}: its root key is of another repository")
    generations = {number: bytes(material) for number, material in payload.get(2, [])}
    if not generations or max(generations) != record.get(5):
        raise Damage(f"{name}: its generations are not those that it announces")
    check_mac(data, b"ORLPSLT1", derive("orlop v1 meta mac", root), name)
    form = check_format(cbor.field(record, 6, bytes, name), repository_id, name)
    return Keys(root, form[2], generations)


def _unwrap(name, kind, hint, record, credentials: Credentials) -> bytes | None:
    parameters, wrapped = cbor.field(record, 7, dict, name), cbor.field(record, 8, bytes, name)
    if kind == "raw" and credentials.raw is not None:
        if hint != derive("orlop v1 slot hint", credentials.raw)[:8].hex():
            return None
        key = derive("orlop v1 slot wrap", credentials.raw)
    elif kind == "passphrase" and credentials.passphrase is not None:
        key = _stretch(name, parameters, credentials.passphrase)
    elif kind == "recipient" and credentials.identity is not None:
        try:
            return pyrage.decrypt(wrapped, [pyrage.x25519.Identity.from_str(credentials.identity)])
        except pyrage.DecryptError:
            return None
    else:
        return None
    if not hmac.compare_digest(derive("orlop v1 slot commitment", key), record.get(9, b"")):
        return None
    aad = b"ORLPSLT1" + bytes([record[0]]) + record[4] + record[1]
    try:
        return xchacha_open(wrapped[24:], aad, wrapped[:24], key)
    except (CryptoError, ValueError) as error:
        raise Damage(f"{name}: its payload does not open") from error


def _stretch(name: str, parameters: dict, passphrase: bytes) -> bytes:
    memory, passes, lanes = (cbor.field(parameters, key, int, name) for key in range(3))
    if not (8 << 10 <= memory <= MAX_MEMORY_KIB and 1 <= passes <= 16 and 1 <= lanes <= 16):
        raise Damage(f"{name}: Argon2 parameters out of bounds")
    return argon2.low_level.hash_secret_raw(
        passphrase, cbor.field(parameters, 3, bytes, name), time_cost=passes, memory_cost=memory,
        parallelism=lanes, hash_len=32, type=argon2.low_level.Type.ID, version=0x13,
    )  # fmt: skip


def all_slots(store, credentials: Credentials) -> list[tuple[str, Keys]]:
    """Names and keys of the slots that open, those of newer generations of keys first."""
    opened = [(name, open_slot(name, store.get(name), credentials)) for name in store.list("meta/slots")]
    opened = [(name, keys) for name, keys in opened if keys is not None]
    if not opened:
        raise NoKey("no slot opens with the keys given")
    return sorted(opened, key=lambda slot: -max(slot[1].generations))
