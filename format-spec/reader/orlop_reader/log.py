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


def replay(store, keys: Keys, problem) -> State:
    """Every entry from the first, checked against each other, every fold and every tail.

    `problem` is told of folds and tails that are wrong: they are caches. Entries must be right.
    """
    folds = {}
    for name in store.list("meta/folds"):
        folds.setdefault((1 << 64) - 1 - int(name.rsplit("/", 1)[1].split("-")[1]), []).append(name)
    names = store.list("log")
    if not names:
        raise Damage("there is no log")
    state, cores = State(1), []
    for number, name in enumerate(names):
        generation = state.generation if state.closed is None else state.closed
        if name != entry_name(generation, number):
            raise Damage(f"{entry_name(generation, number)}: missing")
        core, tail = split(store.get(name), name)
        entry = open_core(keys, generation, number, core)
        if entry[2] != state.head:
            raise Damage(f"{name}: it does not follow on from the entry before it")
        if seal.sealed_generation(core) != state.key_generation:
            raise Damage(f"{name}: it is not sealed under key generation {state.key_generation}")
        if entry[5] == GENERATION:
            _check_generation(store, keys, entry[6], name)
        try:
            copies = open_tail(keys, name, tail)
            before = [] if entry[5] == OPEN else cores
            if len(copies) > 64 or copies != before[len(before) - len(copies) :]:
                problem(f"{name}: its tail is not the entries before it")
        except Damage as error:
            problem(f"{name}: its tail: {error}")
        if entry[5] == OPEN:
            cores = []
        state.apply(entry[5], entry[6], object_hash(core))
        cores = [*cores[-63:], core]
        for fold in folds.pop(number, []):
            try:
                if open_fold(store, keys, fold) != state.fold():
                    problem(f"{fold}: not the state that the entries make")
            except Damage as error:
                problem(str(error))
    for number, left in folds.items():
        problem(f"{left[0]}: a fold of entry {number}, which is not there")
    if state.features[0]:
        raise Damage(f"features {sorted(state.features[0])} are needed to read and not known")
    return state
