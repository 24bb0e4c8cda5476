#!/usr/bin/env python3
"""Makes a folder that holds one of everything that a backup has to keep.

    exotic_tree.py FOLDER

Needs root and a file system with xattrs; what this machine cannot make is left out and named on
standard error. Written independently of the program under test.
"""

import os
import socket
import subprocess
import sys


def attempt(what, make):
    try:
        make()
    except (OSError, subprocess.CalledProcessError, FileNotFoundError) as error:
        print(f"left out: {what}: {error}", file=sys.stderr)


def run(*command):
    subprocess.run(command, check=True, stderr=subprocess.PIPE)


def write(path, content):
    with open(path, "wb") as file:
        file.write(content)


def sparse(path, size, pieces):
    with open(path, "wb") as file:
        file.truncate(size)
        for offset, content in pieces:
            file.seek(offset)
            file.write(content)


def main():
    top = sys.argv[1]
    os.mkdir(top)
    os.chdir(top)
    os.mkdir("folder")
    write("folder/setuid", b"x" * 1000)
    os.chmod("folder/setuid", 0o4755)
    write("empty", b"")
    write("tiny", b"a few bytes")
    write("medium", os.urandom(70_000))
    write("large", os.urandom(5 << 20))
    write("zeros", b"\0" * (2 << 20) + b"x")
    write(b"\xff\xfe\n\t\x01 name", b"1")
    write(b"n" * 200 + b"\xff" * 55, b"z" * 70_000)
    write("-rf", b"")
    os.symlink("folder/setuid", "link")
    os.symlink(b"\xff dangling/../..", "link-raw")
    os.symlink("/etc", "link-out")
    os.link("folder/setuid", "folder/hard")
    os.link("link", "link-hard", follow_symlinks=False)
    os.mkfifo("fifo")
    os.link("fifo", "fifo-hard")
    attempt("devices", lambda: (
        os.mknod("char", 0o20600, os.makedev(1, 3)),
        os.mknod("block", 0o60600, os.makedev(7, 99)),
    ))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("socket")
    listener.close()
    for name, pieces in {
        "hole-first": [(8 << 20, b"end")],
        "hole-middle": [(0, b"start"), (20 << 20, b"end")],
        "hole-last": [(0, b"start")],
        "hole-only": [],
        "holes": [(n << 20, b"island") for n in range(0, 40, 2)],
    }.items():
        sparse(name, 40 << 20, pieces)
    with open("reserved", "wb") as file:
        os.posix_fallocate(file.fileno(), 0, 3 << 20)
    attempt("xattrs", lambda: (
        os.setxattr("empty", "user.key", b"v\0\xffw"),
        os.setxattr("link", "trusted.key", b"on a link", follow_symlinks=False),
        os.setxattr("folder", "user.long", b"v" * 2000),
    ))
    attempt("ACLs", lambda: (
        run("setfacl", "--modify", "u:1234:rwx,d:g:77:rx", "folder"),
        run("setfacl", "--modify", "u:4321:r", "tiny"),
    ))
    attempt("capabilities", lambda: run("setcap", "cap_net_raw+ep", "large"))
    attempt("owners", lambda: (
        os.chown("empty", 1000, 1001),
        os.chown("link", 5, 6, follow_symlinks=False),
    ))
    attempt("flags", lambda: run("chattr", "+d", "zeros"))
    os.utime("empty", ns=(-1_500_000_001, -1_500_000_001))
    os.utime("zeros", ns=(9_999_999_999_123_456_789, 9_999_999_999_123_456_789))
    os.utime("link", ns=(42, 42), follow_symlinks=False)

    # Far beyond PATH_MAX, step by step.
    os.mkdir("deep")
    here = os.open("deep", os.O_RDONLY)
    for _ in range(1000):
        os.mkdir("x" * 30, dir_fd=here)
        below = os.open("x" * 30, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    leaf = os.open("leaf", os.O_CREAT | os.O_WRONLY, dir_fd=here)
    os.write(leaf, b"deep down")
    os.close(leaf)
    os.close(here)

    os.chmod("folder", 0o1770)
    os.utime("folder", ns=(1, 1))
    os.chmod(".", 0o2750)
    os.utime(".", ns=(5_000_000_001, 5_000_000_001))
    # Which pages of a reserved file count as data is settled only once they are written out.
    os.sync()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main()
