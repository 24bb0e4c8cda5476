"""Runs one whole process and tells what it cost: wall time, processor time, peak memory."""

import os
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

LAUNCHER = Path(__file__).resolve().parent / "launcher.py"


class Failed(Exception):
    """A measured process ended with a status that does not mean success."""


@dataclass(frozen=True)
class Cost:
    """What one process used, its waited-for children included."""

    wall_s: float
    user_s: float
    system_s: float
    # ru_maxrss of the kernel: the greatest VmHWM among the process and its children.
    peak_bytes: int
    # Processor time that others took meanwhile, as a share of all cores: the noise of this figure.
    foreign_share: float

    @property
    def cpu_s(self) -> float:
        return self.user_s + self.system_s

    def to_json(self) -> dict:
        return asdict(self)


@dataclass(frozen=True)
class Finished:
    """A process that ended, with what it wrote to standard output."""

    cost: Cost
    stdout: str


def run(
    command: list[str],
    *,
    log: Path,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
    cgroup: Path | None = None,
) -> Finished:
    """Runs `command` to its end and measures it; raises `Failed` unless it ends with 0.

    Standard output and error go to files beside `log`, so that no pipe slows the process down.
    `cgroup` names a folder whose `cgroup.procs` the process enters before it starts.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    out, err = log.with_suffix(".out"), log.with_suffix(".err")
    reader, writer = os.pipe()
    arguments = [str(writer), str(out), str(err), str(cgroup or ""), *command]
    try:
        _wait(
            subprocess.Popen(
                [sys.executable, "-I", "-S", str(LAUNCHER), *arguments],
                pass_fds=(writer,),
                env=env,
                cwd=cwd,
                start_new_session=True,
            )
        )
        os.close(writer)
        writer = -1
        code, wall, user, system, peak_kib, busy = os.read(reader, 4096).split()
    finally:
        os.close(reader)
        if writer != -1:
            os.close(writer)
    if int(code) != 0:
        tail = err.read_text(errors="replace")[-2000:]
        raise Failed(f"{' '.join(command)}\nended with {int(code)}: {tail}")
    used = float(user) + float(system)
    cost = Cost(
        wall_s=float(wall),
        user_s=float(user),
        system_s=float(system),
        peak_bytes=int(peak_kib) * 1024,
        foreign_share=_share(float(busy) - used, float(wall)),
    )
    return Finished(cost, out.read_text(errors="replace"))


def _wait(launcher: subprocess.Popen) -> None:
    """Waits for the launcher; when this harness is ended, what it started ends too."""
    try:
        code = launcher.wait()
    except BaseException:
        os.killpg(launcher.pid, signal.SIGKILL)
        launcher.wait()
        raise
    if code != 0:
        raise Failed(f"the launcher ended with {code}")


def quietly(command: list[str], *, log: Path, env: dict[str, str] | None = None) -> str:
    """Runs a step that is not measured and returns its standard output."""
    return run(command, log=log, env=env).stdout


def _share(seconds: float, wall: float) -> float:
    """`seconds` of all cores' time during `wall`; the kernel counts in ticks, so it is cut."""
    return min(1.0, max(0.0, seconds / (wall * (os.cpu_count() or 1))))
