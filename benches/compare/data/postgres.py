"""A database folder before and after 1,700 random one-row updates (1% of the heap's pages)."""

import os
import pwd
import subprocess
import tempfile
from pathlib import Path

from place import remove_tree

from .dataset import DataSet
from .debian import install
from .switch import switch

SCALE = 100
UPDATES = 1_700
OWNER = "postgres"
CONFIGURATION = """
listen_addresses = ''
unix_socket_directories = '{sockets}'
autovacuum = off
max_wal_size = '256MB'
"""
UPDATE = f"""
\\set aid random(1, 100000 * {SCALE})
\\set delta random(-5000, 5000)
UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;
"""


class Postgres(DataSet):
    """Three folders: `before` and `after`, never touched, and the one that is backed up.

    The latter is changed in place from one state to the other, as the server changed it: a file
    that the server did not touch keeps its inode and its times, and one that it did touch does
    not get another inode.
    """

    name = "postgres"
    title = "database"
    key = f"scale{SCALE}-{UPDATES}"
    changes = True

    def build(self, folder: Path) -> None:
        # The server refuses to run as root and its user may not enter this user's cache.
        scratch = Path(tempfile.mkdtemp(prefix="orlop-bench.", dir="/var/tmp"))
        try:
            _Server(scratch).make(folder)
        finally:
            remove_tree(scratch)

    def show(self, state: str) -> None:
        switch(self.folder / state, self.path)


class _Server:
    def __init__(self, scratch: Path):
        install("postgresql", "/usr/bin/pgbench")
        found = sorted(
            Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[4])
        )
        if not found:
            raise RuntimeError("postgresql is installed but has no initdb")
        self.programs = found[-1].parent
        self.data = scratch / "data"
        self.scratch = scratch
        owner = pwd.getpwnam(OWNER)
        os.chown(scratch, owner.pw_uid, owner.pw_gid)

    def make(self, folder: Path) -> None:
        self._run("initdb", "-D", str(self.data), "--auth", "trust", "--no-locale", "-E", "UTF8")
        with (self.data / "postgresql.conf").open("a") as out:
            out.write(CONFIGURATION.format(sockets=self.scratch))
        self._control("start")
        self._bench("-i", "-q", "-s", str(SCALE))
        self._stop()
        _copy(self.data, folder / "before")
        self._control("start")
        script = self.scratch / "update.sql"
        script.write_text(UPDATE)
        script.chmod(0o644)
        self._bench("-n", "-f", str(script), "-c", "1", "-t", str(UPDATES), "--random-seed=1")
        self._stop()
        _copy(self.data, folder / "after")
        _copy(self.data, folder / Postgres.name)

    def _stop(self) -> None:
        self._run("psql", "-h", str(self.scratch), "-d", "postgres", "-qc", "CHECKPOINT")
        self._control("stop")

    def _control(self, verb: str) -> None:
        log = self.scratch / "server.log"
        self._run("pg_ctl", verb, "-s", "-w", "-D", str(self.data), "-l", str(log), "-m", "fast")

    def _bench(self, *arguments: str) -> None:
        self._run("pgbench", "-h", str(self.scratch), *arguments, "postgres")

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            ["setpriv", f"--reuid={OWNER}", f"--regid={OWNER}", "--init-groups"]
            + [str(self.programs / program), *arguments],
            check=True,
            cwd=self.scratch,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.scratch), "LANG": "C.UTF-8"},
            stdout=subprocess.DEVNULL,
        )


def _copy(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)
