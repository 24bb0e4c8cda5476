"""What a reader must know about the machine to read the figures."""

import os
import platform
import re
import time
from pathlib import Path

LOOK_S = 1.0


def describe() -> dict[str, str]:
    """Names of the hardware and the kernel, for the head of the report."""
    processor = _first(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text())
    memory = _first(r"^MemTotal:\s*(\d+) kB$", Path("/proc/meminfo").read_text())
    return {
        "processor": processor or platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{int(memory) / (1 << 20):.0f} GiB" if memory else "unknown",
        "kernel": platform.release(),
        "load at start": f"{os.getloadavg()[0]:.2f}",
    }


def wait_until_quiet(limit: float, patience_s: float) -> bool:
    """Waits until all processes together use less than `limit` of the cores for a second.

    Returns whether that happened within `patience_s`.
    """
    end = time.monotonic() + patience_s
    while True:
        idle, total = _idle_and_total()
        time.sleep(LOOK_S)
        idle_now, total_now = _idle_and_total()
        if 1 - (idle_now - idle) / max(1, total_now - total) < limit:
            return True
        if time.monotonic() > end:
            return False


def _idle_and_total() -> tuple[int, int]:
    with open("/proc/stat", encoding="ascii") as stat:
        ticks = [int(field) for field in stat.readline().split()[1:9]]
    # Idle, and waiting for a disk.
    return ticks[3] + ticks[4], sum(ticks)


def _first(pattern: str, text: str) -> str | None:
    found = re.search(pattern, text, re.MULTILINE)
    return found.group(1) if found else None
