"""The golden vectors, read by the second reader."""

import json
import unittest
from pathlib import Path

from orlop_reader import cbor, index, log, packs, seal, tree
from orlop_reader.errors import Damage
from orlop_reader.keys import Credentials, Keys, check_format, check_mac, derive, open_slot
from orlop_reader.state import State
from orlop_reader.store import object_hash

VECTORS = Path(__file__).parents[2] / "vectors"


def load(name: str) -> dict:
    return json.loads((VECTORS / f"{name}.json").read_text())


def parse_name(name: str) -> tuple[bytes, int]:
    session, number = name.split("/")[1:]
    return bytes.fromhex(session), int(number)


class KeyVectors(unittest.TestCase):
    def setUp(self):
        self.vectors = load("keys")
        self.root = bytes.fromhex(self.vectors["root_key"])
        self.material = bytes.fromhex(self.vectors["material"])

    def keys(self, suite: int) -> Keys:
        return Keys(self.root, suite, {1: self.material})

    def test_derived_keys(self):
        for part, key in (
            ("derived", self.root),
            ("derived_from_material", self.material),
            ("derived_from_raw_key", bytes.fromhex(self.vectors["raw_key"])),
        ):
            for context, expected in self.vectors[part].items():
                self.assertEqual(derive(context, key).hex(), expected, context)
        expected = self.vectors["padding_after_footer_with_that_nonce"]
        nonce = bytes.fromhex(self.vectors["nonce"])
        self.assertEqual(self.keys(1).padding(1, nonce, len(expected) // 2).hex(), expected)

    def test_sealed_bytes_open_in_both_suites_and_only_unchanged(self):
        for suite in self.vectors["suites"]:
            keys = self.keys(suite["suite"])
            for block in suite["blocks"]:
                stored = bytes.fromhex(block["stored"])
                plain = seal.open_block(keys, block["kind"], stored, block["what"])
                self.assertEqual(plain, block["body"].encode())
                with self.assertRaises(Damage):
                    seal.open_block(keys, 3 - block["kind"], stored, block["what"])
            for item in suite["objects"]:
                sealed = bytes.fromhex(item["sealed"])
                use = None
                if item["kind"] == seal.FOOTER:
                    use = "tree" if "tree" in item["what"] else "data"
                body = seal.open_object(keys, item["kind"], item["name"], sealed, use)
                self.assertEqual(body, item["body"].encode(), item["what"])
                with self.assertRaises(Damage):
                    seal.open_object(keys, item["kind"], item["name"] + "0", sealed, use)
                for at in range(len(sealed)):
                    damaged = bytearray(sealed)
                    damaged[at] ^= 1
                    with self.assertRaises(Damage):
                        seal.open_object(keys, item["kind"], item["name"], bytes(damaged), use)

    def test_generations_open_under_the_one_after(self):
        for suite in self.vectors["suites"]:
            generation = suite["generation"]
            keys = Keys(self.root, suite["suite"], {2: bytes.fromhex(generation["material"])})
            sealed = bytes.fromhex(generation["object"])
            body = seal.open_object(keys, seal.GENERATION, generation["name"], sealed)
            self.assertEqual(body, self.material)
            self.assertEqual(seal.generation_name(keys, 2), generation["name"])

    def test_format_and_slots(self):
        raw = bytes.fromhex(self.vectors["raw_key"])
        passphrase = self.vectors["passphrase"].encode()
        for suite in self.vectors["suites"]:
            keys = self.keys(suite["suite"])
            data = bytes.fromhex(suite["format"]["object"])
            body = check_mac(data, b"ORLPFMT1", keys.meta, "meta/format")
            self.assertEqual(check_format(body, keys.repository_id, "format")[2], suite["suite"])
            with self.assertRaises(Damage):
                check_mac(data[:-1] + bytes([data[-1] ^ 1]), b"ORLPFMT1", keys.meta, "format")
            for slot, right, wrong in (
                ("raw_slot", Credentials(raw=raw), Credentials(raw=bytes(32))),
                ("passphrase_slot", Credentials(passphrase=passphrase), Credentials(passphrase=b"")),
            ):
                name = suite[slot]["name"]
                sealed = bytes.fromhex(suite[slot]["object"])
                opened = open_slot(name, sealed, right)
                self.assertEqual((opened.root, opened.generations), (self.root, {1: self.material}))
                self.assertIsNone(open_slot(name, sealed, wrong))


class PackVectors(unittest.TestCase):
    def keys(self, vectors: dict) -> Keys:
        keys = vectors.get("keys", vectors)
        return Keys(bytes.fromhex(keys["root_key"]), 1, {1: bytes.fromhex(keys["material"])})

    def test_packs(self):
        vectors = load("pack")
        for item in vectors["packs"]:
            data = bytes.fromhex(item["bytes"])
            self.assertEqual(object_hash(data).hex(), item["hash"])
            listed = packs.verify(self.keys(vectors), parse_name(item["name"]), data)
            self.assertEqual((listed.kind, listed.padding), (item["kind"], item["padding"]))
            found = [
                {"id_prefix": i.hex(), "block_offset": p.block, "offset": p.offset, "len": n}
                for i, p, n in listed.chunks
            ]
            self.assertEqual(found, item["chunks"])

    def test_every_byte_of_a_pack_counts(self):
        vectors = load("pack")
        item = vectors["packs"][0]
        keys, name = self.keys(vectors), parse_name(item["name"])
        data = bytes.fromhex(item["bytes"])
        for at in range(len(data)):
            damaged = bytearray(data)
            damaged[at] ^= 1
            with self.assertRaises(Damage, msg=f"byte {at}"):
                packs.verify(keys, name, bytes(damaged))

    def test_segment(self):
        vectors = load("segment")
        sealed = bytes.fromhex(vectors["bytes"])
        self.assertEqual(object_hash(sealed).hex(), vectors["hash"])
        body = seal.open_object(self.keys(vectors), seal.SEGMENT, vectors["name"], sealed)
        self.assertEqual(body.hex(), vectors["body"])
        segment = index.parse(body, vectors["name"])
        for item in load("pack")["packs"]:
            pack = parse_name(item["name"])
            kind, length, digest = segment.packs[pack]
            self.assertEqual((kind, length), (item["kind"], len(item["bytes"]) // 2))
            self.assertEqual(digest.hex(), item["hash"])
            listed = {i.hex() for i, place, _ in segment.chunks if place.pack == pack}
            self.assertEqual(listed, {chunk["id_prefix"] for chunk in item["chunks"]})

    def test_log(self):
        vectors = load("log")
        keys = self.keys(vectors)
        keys.generations[2] = bytes.fromhex(vectors["material_2"])
        for number, item in enumerate(vectors["entries"]):
            record = cbor.decode(bytes.fromhex(item["core"]), item["name"])
            self.assertEqual((record[1], record[5]), (number, item["kind"]))
        stored = vectors["stored"]
        core, tail = log.split(bytes.fromhex(stored["object"]), stored["name"])
        self.assertEqual(log.open_core(keys, 1, 4, core)[1], 4)
        copies = log.open_tail(keys, stored["name"], tail)
        self.assertEqual([copy.hex() for copy in copies], [stored["tail"]])
        fold = vectors["fold"]
        sealed = bytes.fromhex(fold["object"])
        self.assertEqual(seal.open_object(keys, seal.FOLD, fold["name"], sealed).hex(), fold["body"])

    def test_pages(self):
        vectors = load("tree")
        keys = Keys(bytes.fromhex(vectors["root_key"]), 1)
        for item in vectors["pages"]:
            data = bytes.fromhex(item["bytes"])
            self.assertEqual(keys.page_id(data).hex(), item["id"], item["name"])
            page = tree.Page.decode(data, item["name"])
            said = item["page"]
            self.assertEqual(page.level, said["0"])
            if "5" in said:
                for extent, expected in zip(page.extents(page.record[5]), said["5"], strict=True):
                    self.assertEqual(self.plain(extent), expected)
            if "4" in said:
                for child, expected in zip(page.record[4], said["4"], strict=True):
                    self.assertEqual(child[0].hex(), expected[0])
                    self.assertEqual(self.plain(page.ref(child[1:5])), expected[1])
                    self.assertEqual(child[5], expected[2])
            if "3" in said:
                for (parent, group), expected in zip(page.record[3], said["3"], strict=True):
                    self.assertEqual(parent.hex(), expected[0])
                    self.assertEqual([e[0].hex() for e in group], [e["0"] for e in expected[1]])
                    self.assertEqual([e[7] for e in group], [e["7"] for e in expected[1]])

    def plain(self, extent):
        if not isinstance(extent, tree.Ref):
            return list(extent)
        place = extent.place
        return {
            "id": extent.id.hex(), "len": extent.length, "session": place.pack[0].hex(),
            "number": place.pack[1], "block_offset": place.block, "block_len": place.stored,
            "offset": place.offset,
        }  # fmt: skip

    def test_what_is_no_page_is_refused(self):
        for why, data in load("tree")["refused"]:
            with self.assertRaises(Damage, msg=why):
                tree.Page.decode(bytes.fromhex(data), why)

    def test_an_empty_state_has_every_field(self):
        fold = State(1).fold()
        self.assertEqual(set(range(24)) - set(fold), {20, 21, 22})


if __name__ == "__main__":
    unittest.main()
