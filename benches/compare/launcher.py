"""Starts one process, waits for it and writes what it cost to a file descriptor.

A small program of its own, because a process inherits its parent's peak memory over fork and exec:
measured from the harness, nothing could seem smaller than the harness. This floor is about 10 MiB.

Arguments: descriptor, file for standard output, file for standard error, cgroup folder or empty,
command. The environment and the current folder are the command's.
"""

import os
import sys
import time


def busy_seconds() -> float:
    """Processor seconds that the whole machine has spent on anything but waiting."""
    with open("/proc/stat", encoding="ascii") as stat:
        fields = [int(field) for field in stat.readline().split()[1:]]
    user, nice, system, _idle, _iowait, irq, softirq, steal = fields[:8]
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def start(out: str, err: str, cgroup: str, command: list[str]) -> None:
    """The child: never returns."""
    try:
        if cgroup:
            fd = os.open(os.path.join(cgroup, "cgroup.procs"), os.O_WRONLY)
            os.write(fd, b"0")
            os.close(fd)
        for number, path, flags in (
            (0, os.devnull, os.O_RDONLY),
            (1, out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
            (2, err, os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        ):
            fd = os.open(path, flags, 0o600)
            os.dup2(fd, number)
            os.close(fd)
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"{command[0]}: {error}\n".encode())
    finally:
        os._exit(127)


def main() -> None:
    report, out, err, cgroup, *command = sys.argv[1:]
    os.set_inheritable(int(report), False)
    busy = busy_seconds()
    begin = time.monotonic()
    pid = os.fork()
    if pid == 0:
        start(out, err, cgroup, command)
    _, status, usage = os.wait4(pid, 0)
    wall = time.monotonic() - begin
    busy = busy_seconds() - busy
    code = os.waitstatus_to_exitcode(status)
    os.write(
        int(report),
        f"{code} {wall} {usage.ru_utime} {usage.ru_stime} {usage.ru_maxrss} {busy}".encode(),
    )


main()
