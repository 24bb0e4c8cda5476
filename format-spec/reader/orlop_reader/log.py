"""The log: entries, the hash chain, folds (FORMAT.md section 10)."""

from . import cbor, seal
from .errors import Damage
from .keys import Keys
from .state import GENERATION, OPEN, State
from .store import object_hash


def entry_name(generation: int, number: int) -> str:
    return f"log/{generation:04}/{number:020}"


def split(data: bytes, name: str) -> tuple[bytes, bytes]:
    """Core and tail, both sealed."""
    length = int.from_bytes(data[:4], "little")
    if len(data) < 4 + length:
        raise Damage(f"{name}: cut short")
    return data[4 : 4 + length], data[4 + length :]


def open_core(keys: Keys, generation: int, number: int, core: bytes) -> dict:
    name = entry_name(generation, number)
    record = cbor.decode(seal.open_object(keys, seal.ENTRY, name, core), name)
    for key, kind in ((2, bytes), (3, bytes), (4, int), (5, int), (6, dict)):
        cbor.field(record, key, kind, name)
    if (record.get(0), record.get(1)) != (generation, number):
        raise Damage(f"{name}: it says it is entry {record.get(1)}")
    return record


def open_tail(keys: Keys, name: str, sealed: bytes) -> list[bytes]:
    return cbor.decode(seal.open_object(keys, seal.TAIL, name, sealed), name) if sealed else []


def _check_generation(store, keys: Keys, body: dict, name: str) -> None:
    """A generation that is started is the one whose keys are at hand."""
    number = cbor.field(body, 0, int, name)
    if number not in keys.generations or keys.commitment(number) != cbor.field(body, 2, bytes, name):
        raise Damage(f"{name}: the keys at hand are not those of key generation {number}")
    if object_hash(store.get(seal.generation_name(keys, number))) != cbor.field(body, 1, bytes, name):
        raise Damage(f"{name}: the object of key generation {number} is another one")


def open_fold(store, keys: Keys, name: str) -> dict:
    sealed = store.get(name)
    fold = cbor.decode(seal.open_object(keys, seal.FOLD, name, sealed), name)
    if seal.sealed_generation(sealed) != fold.get(14):
        raise Damage(f"{name}: it is not sealed under key generation {fold.get(14)}")
    generation, number, head = name.rsplit("/", 1)[1].split("-")
    expected = (9999 - int(generation), (1 << 64) - int(number), head)
    if (fold.get(0), fold.get(1), cbor.field(fold, 2, bytes, name)[:8].hex()) != expected:
        raise Damage(f"{name}: it is of another entry than its name says")
    return fold


def replay(store, keys: Keys, problem, note) -> State:
    """Every entry from the first, checked against each other, every fold and every tail.

    `problem` is told of folds and tails that are wrong: they are caches. Entries must be right. A log
    generation that is damaged, and was closed for it, is passed over by way of the fold that the next
    one was opened with; `note` is told what is wrong in it.
    """
    folds = {}
    for name in store.list("meta/folds"):
        folds.setdefault((1 << 64) - 1 - int(name.rsplit("/", 1)[1].split("-")[1]), []).append(name)
    names = store.list("log")
    if not names:
        raise Damage("there is no log")
    state, cores, at = State(1), [], 0
    while at < len(names):
        generation = state.generation if state.closed is None else state.closed
        name, number = entry_name(generation, state.next), state.next
        try:
            if name != names[at]:
                raise Damage(f"{name}: missing")
            core, tail = split(store.get(name), name)
            entry = open_core(keys, generation, number, core)
            if entry[2] != state.head:
                raise Damage(f"{name}: it does not follow on from the entry before it")
            if seal.sealed_generation(core) != state.key_generation:
                raise Damage(f"{name}: it is not sealed under key generation {state.key_generation}")
            if entry[5] == GENERATION:
                _check_generation(store, keys, entry[6], name)
        except Damage as error:
            newest = names[-1].split("/")[1]
            at = next(n for n, other in enumerate(names) if other.split("/")[1] == newest)
            if int(newest) <= generation:
                raise
            note(f"{error}; the log goes on without it")
            state, cores = opened(store, keys, names[at]), []
            for old in [old for old in folds if old < state.next]:
                for fold in folds.pop(old):
                    note(f"{fold}: of a log generation that is damaged")
            continue
        at += 1
        say = problem if int(names[-1].split("/")[1]) == generation else note
        try:
            copies = open_tail(keys, name, tail)
            before = [] if entry[5] == OPEN else cores
            if len(copies) > 64 or copies != before[len(before) - len(copies) :]:
                say(f"{name}: its tail is not the entries before it")
        except Damage as error:
            say(f"{name}: its tail: {error}")
        if entry[5] == OPEN:
            cores = []
        state.apply(entry[5], entry[6], object_hash(core))
        cores = [*cores[-63:], core]
        for fold in folds.pop(number, []):
            try:
                if open_fold(store, keys, fold) != state.fold():
                    say(f"{fold}: not the state that the entries make")
            except Damage as error:
                # It is a cache, and one that a newer one replaces is no matter.
                (note if any(newer > number for newer in folds) else say)(str(error))
    for number, left in folds.items():
        problem(f"{left[0]}: a fold of entry {number}, which is not there")
    if state.features[0]:
        raise Damage(f"features {sorted(state.features[0])} are needed to read and not known")
    return state


def opened(store, keys: Keys, name: str) -> State:
    """The state that a log generation was opened with, by its first entry."""
    generation, number = (int(part) for part in name.split("/")[1:])
    core, _ = split(store.get(name), name)
    entry = open_core(keys, generation, number, core)
    body = entry[6]
    if entry[5] != OPEN:
        raise Damage(f"{name}: a log generation does not begin with it")
    if object_hash(store.get(body[3])) != body[4]:
        raise Damage(f"{name}: the fold that it names is another one")
    state = State.of_fold(open_fold(store, keys, body[3]))
    expected = (body[0], body[1] + 1, body[2], generation)
    if (state.generation, state.next, state.head, state.closed) != expected:
        raise Damage(f"{name}: the fold that it names does not lead to it")
    return state
