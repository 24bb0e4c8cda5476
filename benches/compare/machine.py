"""What a reader must know about the machine to read the figures."""

import os
import platform
import re
from pathlib import Path


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


def _first(pattern: str, text: str) -> str | None:
    found = re.search(pattern, text, re.MULTILINE)
    return found.group(1) if found else None
