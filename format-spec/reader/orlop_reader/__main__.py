"""The command line of the reader."""

import argparse
import os
import sys
from pathlib import Path

from . import tree
from .check import Repository, check
from .errors import Damage, NoKey
from .keys import Credentials
from .restore import restore

LETTERS = "d-lcbps"


def credentials(arguments) -> Credentials:
    found = Credentials()
    if arguments.key_file:
        data = Path(arguments.key_file).read_bytes()
        text = data.strip()
        if text.startswith(b"AGE-SECRET-KEY-1"):
            found.identity = text.decode()
        elif len(data) == 32:
            found.raw = data
        elif len(text) == 64:
            found.raw = bytes.fromhex(text.decode())
        else:
            raise NoKey("the key file holds neither 32 bytes, nor 64 hex digits, nor a recovery key")
    if arguments.passphrase_file:
        found.passphrase = Path(arguments.passphrase_file).read_bytes().rstrip(b"\r\n")
    return found


def show(repository: Repository, snapshot: dict) -> None:
    out = sys.stdout.buffer
    for parent, entry, _ in tree.entries(repository.chunks, repository.root(snapshot)):
        kind = LETTERS[entry[1]] if entry[1] < len(LETTERS) else "?"
        path = (parent + entry[0]).replace(b"\0", b"/") or b"."
        out.write(f"{kind}{entry[2]:04o} {entry[3]:6} {entry[4]:6} {entry[7]:12} ".encode())
        out.write(path + b"\n")


def main() -> int:
    parser = argparse.ArgumentParser(prog="orlop_reader", description="Reads Orlop repositories.")
    parser.add_argument("--repo", required=True, help="folder of the repository")
    parser.add_argument("--key-file", help="32 bytes, 64 hex digits, or a recovery key")
    parser.add_argument("--passphrase-file", help="a passphrase; line ends at its end are ignored")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check", help="verify every byte")
    listing = commands.add_parser("ls", help="list snapshots, or what is in one")
    listing.add_argument("snapshot", nargs="?")
    into = commands.add_parser("restore", help="write a snapshot to a new folder")
    into.add_argument("snapshot", help="beginning of its id, or `latest`")
    into.add_argument("target")
    arguments = parser.parse_args()
    try:
        repository = Repository(arguments.repo, credentials(arguments))
        lines = []
        if arguments.command == "check":
            lines = check(repository)
            for note in repository.notes:
                print(f"note: {note}")
        elif arguments.command == "restore":
            snapshot = repository.find(arguments.snapshot)
            lines = restore(repository, snapshot, os.fsencode(arguments.target))
        elif arguments.snapshot:
            show(repository, repository.find(arguments.snapshot))
        else:
            for snapshot in repository.snapshots():
                print(snapshot[0].hex(), snapshot[2], snapshot[3])
    except (Damage, NoKey, OSError) as error:
        print(f"orlop_reader: {error}", file=sys.stderr)
        return 2
    for line in lines:
        print(line, file=sys.stderr)
    return 1 if lines else 0


sys.exit(main())
