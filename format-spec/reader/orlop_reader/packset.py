"""Sets of packs (FORMAT.md section 10.1): per session, disjoint ascending runs of numbers."""

from .errors import Damage

Pack = tuple[bytes, int]


def decode(value) -> set[Pack]:
    """The set that a `set` encodes; absent is empty."""
    packs: set[Pack] = set()
    last = b""
    for session, runs in value or []:
        if len(session) != 16 or session <= last or not runs or len(runs) % 2:
            raise Damage("a set of packs is out of order")
        last, end = session, -1
        for first, count in zip(runs[::2], runs[1::2]):
            if first <= end or count < 1 or first + count > 1 << 32:
                raise Damage("the runs of a set of packs are out of order")
            if len(packs) + count > 1 << 24:
                raise Damage("a set of packs is larger than this reader handles")
            end = first + count
            packs.update((session, number) for number in range(first, end))
    return packs


def encode(packs: set[Pack]) -> list:
    sessions: dict[bytes, list[int]] = {}
    for session, number in sorted(packs):
        runs = sessions.setdefault(session, [])
        if runs and runs[-2] + runs[-1] == number:
            runs[-1] += 1
        else:
            runs += [number, 1]
    return [[session, runs] for session, runs in sessions.items()]
