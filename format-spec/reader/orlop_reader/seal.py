"""Opening sealed bytes (FORMAT.md section 3.1)."""

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as xchacha_open
from nacl.exceptions import CryptoError

from .errors import Damage
from .keys import Keys

MIB = 1 << 20
DATA, TREE, FOOTER, SEGMENT, ENTRY, TAIL, FOLD, SIDE, GENERATION = range(1, 10)
# kind: (use of the key, bound of the body); the key of a footer depends on its pack.
KINDS = {
    DATA: ("data", 2 * MIB),
    TREE: ("tree", 2 * MIB),
    FOOTER: (None, 16 * MIB),
    SEGMENT: ("index", 64 * MIB),
    ENTRY: ("log", MIB),
    TAIL: ("log", MIB),
    FOLD: ("log", 1024 * MIB),
    SIDE: ("log", 256 * MIB),
    GENERATION: ("wrap", 32),
}


def _aes(key: bytes, block: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return encryptor.update(block) + encryptor.finalize()


def xaes_open(sealed: bytes, aad: bytes, nonce: bytes, key: bytes) -> bytes:
    """XAES-256-GCM of C2SP: a key for AES-256-GCM from key and first half of the nonce by CMAC."""
    first = int.from_bytes(_aes(key, bytes(16)), "big")
    doubled = (first << 1) & ((1 << 128) - 1)
    if first >> 127:
        doubled ^= 0x87
    k1 = doubled.to_bytes(16, "big")
    derived = b"".join(
        _aes(key, bytes(a ^ b for a, b in zip(bytes([0, n, 0x58, 0]) + nonce[:12], k1)))
        for n in (1, 2)
    )
    return AESGCM(derived).decrypt(nonce[12:], sealed, aad)


def _open(keys: Keys, suite: int, key: bytes, nonce: bytes, sealed: bytes, aad: bytes, what: str):
    try:
        if suite == 1:
            return xchacha_open(sealed, aad, nonce, key)
        return xaes_open(sealed, aad, nonce, key)
    except (CryptoError, InvalidTag, ValueError) as error:
        raise Damage(f"{what}: does not open") from error


def _body(plain: bytes, bound: int, what: str) -> bytes:
    """Codec, length, and the body, which may be compressed."""
    if len(plain) < 5:
        raise Damage(f"{what}: no codec and length")
    codec, length, body = plain[0], int.from_bytes(plain[1:5], "little"), plain[5:]
    if length > bound:
        raise Damage(f"{what}: {length} bytes, at most {bound} are allowed")
    if codec == 1:
        try:
            unpacker = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(body)
            # A byte more than was announced: that there is too much is seen, and not held.
            body = unpacker.read(length + 1)
        except zstandard.ZstdError as error:
            raise Damage(f"{what}: does not decompress: {error}") from error
    elif codec != 0:
        raise Damage(f"{what}: codec {codec}")
    if len(body) != length:
        raise Damage(f"{what}: {len(body)} bytes, {length} were announced")
    return body


def open_object(keys: Keys, kind: int, name: str, sealed: bytes, use: str | None = None) -> bytes:
    """The body of an envelope. `use` is the key of a footer: `data` or `tree`."""
    if len(sealed) < 36 + 16 or sealed[:5] != b"ORLP\x01" or sealed[7] != 0:
        raise Damage(f"{name}: no envelope of version 1")
    if sealed[5] != kind or sealed[6] != keys.suite:
        raise Damage(f"{name}: kind {sealed[5]} and suite {sealed[6]}, not {kind} and {keys.suite}")
    of_kind, bound = KINDS[kind]
    generation = int.from_bytes(sealed[8:12], "little")
    key = keys.sealing(use or of_kind, generation)
    aad = sealed[:12] + keys.repository_id + name.encode("ascii")
    return _body(_open(keys, keys.suite, key, sealed[12:36], sealed[36:], aad, name), bound, name)


def open_block(keys: Keys, kind: int, stored: bytes, what: str) -> bytes:
    """The plaintext of a block: its consecutive chunks."""
    if len(stored) < 4 + 24 + 5 + 16:
        raise Damage(f"{what}: too short for a block")
    use, bound = KINDS[kind]
    generation = stored[:4]
    key = keys.sealing(use, int.from_bytes(generation, "little"))
    header = b"ORLP" + bytes([1, kind, keys.suite, 0]) + generation
    aad = header + keys.repository_id
    return _body(_open(keys, keys.suite, key, stored[4:28], stored[28:], aad, what), bound, what)


def sealed_generation(sealed: bytes) -> int:
    """The key generation of an envelope."""
    return int.from_bytes(sealed[8:12], "little")


def generation_name(keys: Keys, generation: int) -> str:
    """Name of the object that holds the material of the generation before."""
    return f"meta/generations/{generation:010}-{keys.commitment(generation)[:8].hex()}"


def load_generations(store, keys: Keys) -> None:
    """Older key material, each wrapped under the one after it."""
    while (oldest := min(keys.generations)) > 1:
        name = generation_name(keys, oldest)
        keys.generations[oldest - 1] = open_object(keys, GENERATION, name, store.get(name))
