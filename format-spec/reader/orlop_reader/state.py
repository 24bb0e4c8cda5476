"""What the entries of a log add up to (FORMAT.md sections 10.2 and 10.4)."""

from . import packset
from .errors import Damage

INIT, BEGIN, CHECKPOINT, COMMIT, END, KILL, FORGET, UNFORGET, CONDEMN, SWEEP, SWEPT = range(1, 12)
RELOCATE, MERGE, FOLD, SLOT_ADD, SLOT_REMOVE, GENERATION, LOST, FOUND, FEATURE, CLOSE, OPEN = range(12, 23)


class State:
    """Applies entries one by one; `fold` gives the map that a fold holds."""

    def __init__(self, generation: int):
        self.generation, self.next, self.head = generation, 0, bytes(32)
        self.snapshots, self.sessions, self.forgotten, self.slots = {}, {}, {}, {}
        self.segments: set[tuple] = set()
        self.packs, self.swept = set(), set()
        self.condemned, self.sweeps, self.bonds = [], [], []
        self.forgotten_owners, self.lost, self.dead_objects = set(), set(), set()
        self.features = (set(), set(), set())
        self.key_generation, self.unknown, self.closed, self.format = 1, None, None, None
        # Generation: number of the entry that ended it, packs that may be sealed under it.
        self.older_keys: dict[int, tuple[int, set]] = {}

    @classmethod
    def of_fold(cls, fold: dict) -> "State":
        """The state that a fold holds."""
        state = cls(fold[0])
        state.next, state.head, state.snapshots = fold[1], fold[2], dict(fold[3])
        for name, s in fold[4].items():
            state.sessions[name] = {
                "begun": s[0], "role": s[1], "base": s.get(2), "adopts": s[3], "owner": s.get(4),
                "client": s[5], "packs": packset.decode(s[6]), "relied": packset.decode(s[7]),
                "partial": s.get(8), "checkpoint": s.get(9), "dead": s[10], "volume": s.get(11),
            }  # fmt: skip
        state.segments = {tuple(segment) for segment in fold[5]}
        state.packs, state.swept = packset.decode(fold[6]), packset.decode(fold[8])
        state.condemned = [(one[0], packset.decode(one[1]), set(one[2])) for one in fold[7]]
        state.sweeps = [(one[0], packset.decode(one[1]), one[2], one[3]) for one in fold[9]]
        state.bonds = [
            (one[0], packset.decode(one[1]), packset.decode(one[2])) for one in fold[10]
        ]
        state.forgotten = {name: (one[0], one[1]) for name, one in fold[11].items()}
        state.forgotten_owners, state.slots = set(fold[12]), dict(fold[13])
        state.key_generation = fold[14]
        state.features = (set(fold[15]), set(fold[16]), set(fold[17]))
        state.lost, state.dead_objects = set(fold[18]), set(fold[19])
        state.unknown, state.closed, state.format = fold.get(20), fold.get(21), fold.get(22)
        state.older_keys = {
            generation: (one[0], packset.decode(one[1])) for generation, one in fold[23].items()
        }
        return state

    def apply(self, kind: int, body: dict, digest: bytes) -> None:
        """Takes the entry that stands at `next`."""
        number = self.next
        if self.closed is not None and kind != OPEN:
            raise Damage(f"entry {number}: a log generation does not begin with it")
        try:
            self._apply(kind, body, number)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise Damage(f"entry {number}: its body makes no sense: {error!r}") from error
        self.next, self.head = number + 1, digest

    def _apply(self, kind: int, body: dict, number: int) -> None:
        if kind == INIT:
            self.format = body[0]
            self.slots.update((name, digest) for name, digest in body[1])
        elif kind == BEGIN:
            relied = set()
            for adopted in body[2]:
                if adopted in self.sessions:
                    relied |= self.sessions[adopted]["packs"] | self.sessions[adopted]["relied"]
            self.sessions[body[0]] = {
                "begun": number, "role": body[4], "base": body.get(1), "adopts": body[2],
                "owner": body.get(3), "client": body[5], "packs": set(), "relied": relied,
                "partial": None, "checkpoint": None, "dead": False, "volume": body.get(6),
            }  # fmt: skip
        elif kind in (CHECKPOINT, COMMIT):
            self._name(kind, body, number)
        elif kind in (END, KILL):
            session = self.sessions.get(body[0])
            if session and session["checkpoint"] is not None:
                session["dead"] = True
            else:
                self.sessions.pop(body[0], None)
        elif kind == FORGET:
            for snapshot in body[0]:
                if record := self.snapshots.pop(snapshot, None):
                    self.forgotten[snapshot] = (number, record)
                    if 11 in record:
                        self.forgotten_owners.add(record[11])
        elif kind == UNFORGET:
            self._rescue(packset.decode(body[3]))
            for snapshot in body[1]:
                if snapshot in self.forgotten:
                    record = self.forgotten.pop(snapshot)[1]
                    self.forgotten_owners.discard(record.get(11))
                    self.snapshots[snapshot] = record
        elif kind == CONDEMN:
            for session in body[1]:
                if session in self.sessions and self.sessions[session]["dead"]:
                    del self.sessions[session]
            self.condemned.append((number, packset.decode(body[0]), set(body[2])))
        elif kind == SWEEP:
            self._sweep(body, number)
        elif kind == SWEPT:
            self.sweeps = [sweep for sweep in self.sweeps if sweep[0] != body[0]]
        elif kind == RELOCATE:
            self.segments |= {tuple(segment) for segment in body[1]}
            self.bonds.append((number, packset.decode(body[2]), packset.decode(body[3])))
        elif kind == MERGE:
            self.segments -= {tuple(segment) for segment in body[2]}
            self.segments |= {tuple(segment) for segment in body[1]}
        elif kind == SLOT_ADD:
            self.slots[body[0]] = body[1]
        elif kind == SLOT_REMOVE:
            self.slots.pop(body[0], None)
        elif kind == GENERATION:
            aged = set().union(*(packs for _, packs in self.older_keys.values()))
            self.older_keys[self.key_generation] = (number, self.packs - aged)
            self.key_generation = body[0]
            self.slots = {name: digest for name, digest in body[3]}
        elif kind == LOST:
            self.lost |= set(body[0])
        elif kind == FOUND:
            self.lost -= set(body[0])
        elif kind == FEATURE:
            for known, added in zip(self.features, (body[0], body[1], body[2])):
                known.update(added)
        elif kind == CLOSE:
            self.closed = body[0]
        elif kind == OPEN:
            if self.closed is None or (body[0], body[1], body[2]) != (self.generation, number - 1, self.head):
                raise Damage(f"entry {number}: it does not go on from the generation before it")
            self.generation, self.closed = self.closed, None
        elif kind != FOLD:
            self.unknown = number

    def _name(self, kind: int, body: dict, number: int) -> None:
        own, relied, adopted = (packset.decode(body[key]) for key in (1, 3, 5))
        segments = {tuple(segment) for segment in body[2]}
        self._age(body[0], own, adopted)
        self.packs |= own | adopted
        self.segments |= segments
        self._rescue(own | relied | adopted, {segment_name(segment) for segment in segments})
        session = self.sessions.get(body[0])
        if session is None:
            raise Damage(f"entry {number}: its session is not open")
        if kind == COMMIT:
            self._rescue(session["packs"] | session["relied"])
            del self.sessions[body[0]]
            self._let_go(session["adopts"])
            self.snapshots[body[6][0]] = body[6]
            return
        session["packs"] |= own
        session["relied"] |= relied | adopted
        session["checkpoint"] = number
        session["partial"] = body.get(4, session["partial"])

    def _age(self, session: bytes, own: set, adopted: set) -> None:
        """Packs of sessions that were opened under an older generation of keys."""
        if not self.older_keys:
            return
        for pack, of in [(p, session) for p in own] + [(p, p[0]) for p in adopted]:
            if of in self.sessions:
                begun = self.sessions[of]["begun"]
                found = [g for g, (ended, _) in self.older_keys.items() if begun < ended]
            else:
                found = [max(self.older_keys)]
            if found:
                self.older_keys[min(found)][1].add(pack)

    def _let_go(self, adopted: list) -> None:
        still = {one for s in self.sessions.values() if not s["dead"] for one in s["adopts"]}
        for name in adopted:
            if name not in still and name in self.sessions and self.sessions[name]["dead"]:
                del self.sessions[name]

    def _rescue(self, packs: set, objects: set = frozenset()) -> None:
        for _, condemned, others in self.condemned:
            condemned -= packs
            others -= objects
        self._unbind(packs)

    def _unbind(self, packs: set) -> None:
        self.condemned = [one for one in self.condemned if one[1] or one[2]]
        for _, old, _ in self.bonds:
            old -= packs
        self.bonds = [bond for bond in self.bonds if bond[1]]

    def _sweep(self, body: dict, number: int) -> None:
        packs, others = packset.decode(body[0]), set(body[2])
        segments = {tuple(segment) for segment in body[1]}
        newest = max((n for n, condemned, _ in self.condemned if condemned & packs), default=None)
        self.packs -= packs
        self.swept |= packs
        for _, aged in self.older_keys.values():
            aged -= packs
        self.segments -= segments
        self.dead_objects |= others | {segment_name(segment) for segment in segments}
        for _, condemned, named in self.condemned:
            condemned -= packs
            named -= others
        self._unbind(packs)
        bases = {s["base"] for s in self.sessions.values() if not s["dead"]}
        self.forgotten = {
            snapshot: (n, record)
            for snapshot, (n, record) in self.forgotten.items()
            if newest is None or n > newest or snapshot in bases
        }
        self.sessions = {
            name: s
            for name, s in self.sessions.items()
            if not s["dead"] or not packs & (s["packs"] | s["relied"])
        }
        self.sweeps.append((number, packs, body[1], body[2]))

    def fold(self) -> dict:
        """The body of the fold of this state."""
        sessions = {}
        for name, s in sorted(self.sessions.items()):
            sessions[name] = _present({
                0: s["begun"], 1: s["role"], 2: s["base"], 3: s["adopts"], 4: s["owner"],
                5: s["client"], 6: packset.encode(s["packs"]), 7: packset.encode(s["relied"]),
                8: s["partial"], 9: s["checkpoint"], 10: s["dead"], 11: s["volume"],
            })  # fmt: skip
        read, write, collect = (sorted(names) for names in self.features)
        return _present({
            0: self.generation, 1: self.next, 2: self.head, 3: dict(sorted(self.snapshots.items())),
            4: sessions, 5: [list(segment) for segment in sorted(self.segments)],
            6: packset.encode(self.packs),
            7: [{0: n, 1: packset.encode(p), 2: sorted(o)} for n, p, o in self.condemned],
            8: packset.encode(self.swept),
            9: [{0: n, 1: packset.encode(p), 2: s, 3: o} for n, p, s, o in self.sweeps],
            10: [{0: n, 1: packset.encode(o), 2: packset.encode(k)} for n, o, k in self.bonds],
            11: {i: {0: n, 1: record} for i, (n, record) in sorted(self.forgotten.items())},
            12: sorted(self.forgotten_owners), 13: dict(sorted(self.slots.items())),
            14: self.key_generation, 15: read, 16: write, 17: collect, 18: sorted(self.lost),
            19: sorted(self.dead_objects), 20: self.unknown, 21: self.closed, 22: self.format,
            23: {g: {0: n, 1: packset.encode(p)} for g, (n, p) in sorted(self.older_keys.items())},
        })  # fmt: skip


def _present(record: dict) -> dict:
    return {key: value for key, value in record.items() if value is not None}


def segment_name(segment) -> str:
    return f"index/{segment[0].hex()}/{segment[1]:010}"
