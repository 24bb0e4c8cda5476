"""A control group with a limit of memory, for either version of the kernel's interface."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")


class NoControlGroups(Exception):
    """This machine lets us make no control group for memory."""


@contextmanager
def limited(limit_bytes: int) -> Iterator[Path]:
    """Makes a group whose processes may hold `limit_bytes` together, page cache included."""
    name = f"orlop-bench.{os.getpid()}"
    if (MOUNT / "cgroup.controllers").exists():
        parent, limits = MOUNT, {"memory.max": limit_bytes, "memory.swap.max": 0}
    else:
        parent, limits = MOUNT / "memory", {"memory.limit_in_bytes": limit_bytes}
    group = parent / name
    try:
        if parent == MOUNT:
            (MOUNT / "cgroup.subtree_control").write_text("+memory")
        group.mkdir()
    except OSError as error:
        raise NoControlGroups(f"{group}: {error.strerror}") from error
    try:
        for file, value in limits.items():
            # Accounting of swap may be off; then there is nothing to limit.
            if file != "memory.swap.max" or (group / file).exists():
                (group / file).write_text(str(value))
        yield group
    finally:
        group.rmdir()
