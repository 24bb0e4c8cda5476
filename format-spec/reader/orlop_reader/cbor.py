"""Deterministic CBOR (FORMAT.md, head): decoded, and refused when it is not canonical."""

import cbor2

from .errors import Damage


def decode(data: bytes, what: str):
    """One item that takes all of `data`."""
    try:
        value = cbor2.loads(data)
    except (cbor2.CBORDecodeError, ValueError, OverflowError, RecursionError) as error:
        raise Damage(f"{what}: no CBOR: {error}") from error
    if cbor2.dumps(value) != data:
        raise Damage(f"{what}: not in deterministic CBOR, or bytes stand after it")
    return value


def field(record: dict, key: int, kind: type, what: str):
    """A field that must be there."""
    value = record.get(key) if isinstance(record, dict) else None
    if not isinstance(value, kind):
        raise Damage(f"{what}: field {key} is absent or no {kind.__name__}")
    return value
