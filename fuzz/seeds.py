#!/usr/bin/env python3
"""Makes the first inputs of the fuzzer from the golden vectors, and writes them into fuzz/corpus.

    fuzz/seeds.py           write those that are missing
    fuzz/seeds.py --check   fail if one is missing or differs

What a vector says stands in a file called seed-*; other files are inputs that once found something.
"""

import json
import struct
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VECTORS = HERE.parent / "format-spec" / "vectors"


def vectors(name):
    return json.loads((VECTORS / f"{name}.json").read_text())


def framed_body(object_hex):
    """The body of a format object or slot."""
    raw = bytes.fromhex(object_hex)
    (length,) = struct.unpack_from("<I", raw, 8)
    return raw[12 : 12 + length]


def head(data, at):
    """Major type, argument and end of the head of the CBOR item at `at`."""
    major, info = data[at] >> 5, data[at] & 31
    width = {24: 1, 25: 2, 26: 4, 27: 8}.get(info, 0)
    value = int.from_bytes(data[at + 1 : at + 1 + width], "big") if width else info
    return major, value, at + 1 + width


def after(data, at):
    """Where the item ends that begins at `at`."""
    major, value, at = head(data, at)
    if major in (2, 3):
        return at + value
    for _ in range({4: value, 5: 2 * value, 6: 1}.get(major, 0)):
        at = after(data, at)
    return at


def field(data, wanted):
    """The bytes of a field of a map with integer keys."""
    _, fields, at = head(data, 0)
    for _ in range(fields):
        _, key, at = head(data, at)
        end = after(data, at)
        if key == wanted:
            return data[at:end]
        at = end
    raise KeyError(wanted)


def uint(value):
    return bytes([value]) if value < 24 else bytes([24, value])


def cbor_bytes(raw):
    return bytes([0x59]) + struct.pack(">H", len(raw)) + raw


def seeds():
    """Target, name and bytes of every input."""
    keys, log, pack, tree = (vectors(name) for name in ("keys", "log", "pack", "tree"))
    for suite in keys["suites"]:
        number = suite["suite"]
        for target, name in (("format", "format"), ("slot", "raw_slot"), ("slot", "passphrase_slot")):
            body = framed_body(suite[name]["object"])
            yield target, f"{name}-{number}", body
            if target == "format":
                yield target, f"{name}-object-{number}", bytes.fromhex(suite[name]["object"])
        choice = 0 if number == 1 else 128
        for at, sealed in enumerate(suite["objects"]):
            yield "envelope", f"{at}-{number}", bytes([choice + at]) + bytes.fromhex(sealed["sealed"])
        block = bytes.fromhex(suite["blocks"][0]["stored"])
        yield "envelope", f"block-{number}", bytes([choice + 8]) + block
        raw = b"two chunks"
        text = b"\0" + struct.pack("<I", len(raw)) + raw
        yield "envelope", f"text-{number}", bytes([choice + 5]) + text
    yield "body", "raw", b"\0\3\0\0\0abc"
    # A zstd frame of a megabyte of zeros: eight blocks of 128 KiB that say one byte each.
    frame = bytes.fromhex("28b52ffda000001000")
    for n in range(8):
        frame += (2**17 << 3 | 1 << 1 | (n == 7)).to_bytes(3, "little") + b"\0"
    yield "body", "zeros", b"\1" + struct.pack("<I", 2**20) + frame
    yield "envelope", "zeros", b"\5\1" + struct.pack("<I", 2**20) + frame
    identity = "age-encryption.org/v1\n-> X25519 " + "A" * 43 + "\n" + "B" * 43 + "\n--- " + "C" * 43 + "\n"
    yield "slot_wrapped", "recipient", identity.encode() + bytes(48)
    root, material = bytes.fromhex(keys["root_key"]), bytes.fromhex(keys["material"])
    payload = b"\xa3\0\1\1\x58\x20" + root + b"\2\x81\x82\1\x58\x20" + material
    yield "slot_wrapped", "payload", payload

    history = b""
    for entry in log["entries"]:
        core = bytes.fromhex(entry["core"])
        yield "log_entry", entry["name"], core
        one = uint(entry["kind"]) + field(core, 6)
        history += one
        if entry["name"] == "commit":
            yield "snapshot", "commit", field(field(core, 6), 6)
    yield "history", "one-of-each", history
    fold = bytes.fromhex(log["fold"]["body"])
    yield "fold", "fold", fold
    for number in (6, 8):
        yield "pack_set", f"fold-{number}", field(fold, number) + field(fold, 6)
    yield "log_object", "stored", bytes.fromhex(log["stored"]["object"])
    core = bytes.fromhex(log["entries"][0]["core"])
    yield "log_object", "tail", b"\x82" + cbor_bytes(core) * 2

    for at, one in enumerate(pack["packs"]):
        raw = bytes.fromhex(one["bytes"])
        yield "pack", f"whole-{at}", raw
        lens = [block["stored_len"] for block in one["blocks"]]
        counts = [block["chunks"] for block in one["blocks"]]
        footer = b"\xa7\0" + uint(one["kind"]) + b"\1\x58\x20" + bytes.fromhex(one["body_hash"])
        footer += b"\2\0\3\x82" + b"\x19" + struct.pack(">H", lens[0]) + b"\x18" + bytes([lens[1]])
        footer += b"\4\x82" + bytes(counts) + b"\5\x58\x30"
        footer += b"".join(bytes.fromhex(chunk["id_prefix"]) for chunk in one["chunks"])
        footer += b"\6\x83\3\x19\1\x2c\7"
        yield "pack_footer", f"footer-{at}", footer
        blocks = raw[16 : 16 + sum(lens)]
        yield "pack", f"parts-{at}", struct.pack("<H", len(blocks)) + blocks + footer
    yield "pack_built", "small", bytes([0, 200, 0, 3]) + b"\x05hello" + b"\x21" + bytes(range(33))
    yield "pack_built", "tree", bytes([5, 0, 1, 0]) + b"\xff" + b"again and " * 26

    yield "segment", "golden", bytes.fromhex(vectors("segment")["body"])
    # A table of no pages, without segments, packs or entries, and one partition of a filter.
    yield "index_cache", "meta", bytes(1 + 4 + 4 + 8 + 8 + 4)
    descriptor = struct.pack("<QIII", 7, 4, 3, 4)
    yield "index_cache", "filter", b"\0" + descriptor + bytes(range(12))

    for page in tree["pages"]:
        yield "tree_page", page["name"], bytes.fromhex(page["bytes"])
    for at, (_, raw) in enumerate(tree["refused"]):
        yield "tree_page", f"refused-{at:02}", bytes.fromhex(raw)

    for at, name in enumerate(
        [
            "meta/format",
            keys["suites"][0]["raw_slot"]["name"],
            keys["suites"][0]["passphrase_slot"]["name"],
            keys["suites"][0]["generation"]["name"],
            log["fold"]["name"],
            log["stored"]["name"],
            pack["packs"][0]["name"],
            vectors("segment")["name"],
            "s3://bucket/some/prefix",
            "file:///a/folder",
            "az://container",
        ]
    ):
        yield "names", f"{at:02}", name.encode()


def main():
    check = sys.argv[1:] == ["--check"]
    wrong = []
    for target, name, raw in seeds():
        path = HERE / "corpus" / target / f"seed-{name}"
        if not path.exists() or path.read_bytes() != raw:
            wrong.append(path)
            if not check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(raw)
    if check and wrong:
        sys.exit("run fuzz/seeds.py: " + ", ".join(str(path.relative_to(HERE)) for path in wrong))


if __name__ == "__main__":
    main()
