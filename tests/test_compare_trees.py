"""Each kind of difference is noticed by compare_trees, and equal trees are equal."""

import contextlib
import fcntl
import io
import os
import shutil
import socket
import stat
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

import compare_trees

FS_IOC_SETFLAGS = 0x40086602
FS_IOC_FSSETXATTR = 0x401C5820
NO_DUMP = 0x40
TIME_NS = 1_600_000_000_123_456_789

ROOT = unittest.skipUnless(os.geteuid() == 0, "needs root")


def access_list(other_bits: int) -> bytes:
    """An access list in the kernel's form: owner, user 1000, group, mask, others."""
    undefined = 0xFFFFFFFF
    entries = [(1, 6, undefined), (2, 4, 1000), (4, 4, undefined), (16, 4, undefined)]
    entries.append((32, other_bits, undefined))
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def capability(bits: int) -> bytes:
    """A file capability, version 2, with the effective bit."""
    return struct.pack("<IIIII", 0x02000001, bits, 0, 0, 0)


class CompareTrees(unittest.TestCase):
    """Two folders that are made alike; each test makes one difference."""

    def setUp(self) -> None:
        # On disk: a tmpfs may lack flags and attributes.
        self.scratch = Path(tempfile.mkdtemp(prefix="compare-trees.", dir="/var/tmp"))
        # Not rmtree: one test makes a tree deeper than it can recurse.
        self.addCleanup(subprocess.run, ["rm", "-rf", str(self.scratch)], check=True)
        self.one, self.other = self.scratch / "one", self.scratch / "other"
        for root in (self.one, self.other):
            root.mkdir()
            (root / "file").write_bytes(b"content\n" * 1000)
            (root / "folder").mkdir()
            (root / "folder" / "inner").write_bytes(b"inner")
            (root / "link").symlink_to("file")
        self.settle()

    def settle(self) -> None:
        """Gives every entry of both trees the same time, the deepest first."""
        for root in (self.one, self.other):
            for folder, folders, files in os.walk(os.fsencode(root), topdown=False):
                for name in files + folders:
                    path = os.path.join(folder, name)
                    os.utime(path, ns=(TIME_NS, TIME_NS), follow_symlinks=False)
            os.utime(root, ns=(TIME_NS, TIME_NS))

    def compare(self, *options: str) -> tuple[int, list[str]]:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            code = compare_trees.main([*options, str(self.one), str(self.other)])
        return code, out.getvalue().splitlines()

    def assert_same(self, *options: str) -> None:
        self.assertEqual(self.compare(*options), (0, []))

    def assert_differs(self, path: str, kind: str) -> str:
        """Exactly one difference, at `path`, of `kind`; and none once `kind` is ignored."""
        code, lines = self.compare()
        self.assertEqual(code, 1)
        self.assertEqual(len(lines), 1, lines)
        self.assertTrue(lines[0].startswith(f"{path}: {kind}: "), lines[0])
        self.assert_same("--ignore", kind)
        return lines[0]

    def test_equal_trees_have_no_difference(self) -> None:
        self.assert_same()

    def test_a_missing_entry_is_noticed_on_either_side(self) -> None:
        (self.one / "link").unlink()
        self.settle()
        self.assertEqual(self.compare(), (1, ["link: only in the second: symbolic link"]))
        self.one, self.other = self.other, self.one
        self.assertEqual(self.compare(), (1, ["link: only in the first: symbolic link"]))

    def test_another_type_is_noticed(self) -> None:
        (self.other / "link").unlink()
        os.mkfifo(self.other / "link")
        self.settle()
        _, lines = self.compare()
        self.assertIn("link: type: symbolic link became pipe", lines)

    def test_other_permissions_are_noticed(self) -> None:
        (self.one / "file").chmod(0o644)
        (self.other / "file").chmod(0o4755)
        self.assertIn("0644 became 4755", self.assert_differs("file", "mode"))

    @ROOT
    def test_another_owner_is_noticed(self) -> None:
        os.chown(self.other / "link", 12345, -1, follow_symlinks=False)
        self.assert_differs("link", "uid")

    @ROOT
    def test_another_group_is_noticed(self) -> None:
        os.chown(self.other / "folder", -1, 12345)
        self.assert_differs("folder", "gid")

    def test_one_nanosecond_is_noticed(self) -> None:
        os.utime(self.other / "folder", ns=(TIME_NS, TIME_NS + 1))
        line = self.assert_differs("folder", "mtime")
        self.assertIn("1600000000.123456789 became 1600000000.123456790", line)

    def test_the_time_of_a_symbolic_link_is_compared(self) -> None:
        os.utime(self.other / "link", ns=(TIME_NS, TIME_NS + 1), follow_symlinks=False)
        self.assert_differs("link", "mtime")

    def test_the_top_folder_itself_is_compared(self) -> None:
        os.utime(self.other, ns=(TIME_NS, TIME_NS + 1))
        self.assert_differs(".", "mtime")

    def test_another_length_is_noticed(self) -> None:
        os.truncate(self.other / "file", 7999)
        self.settle()
        _, lines = self.compare()
        self.assertEqual(lines[0], "file: size: 8000 became 7999")

    def test_another_byte_at_the_same_length_is_noticed(self) -> None:
        with (self.other / "file").open("r+b") as file:
            file.seek(7999)
            file.write(b"!")
        self.settle()
        self.assert_differs("file", "content")

    def test_a_byte_moved_by_a_block_is_noticed(self) -> None:
        for root, place in ((self.one, 1 << 20), (self.other, 2 << 20)):
            with (root / "moved").open("wb") as file:
                file.write(bytes(4 << 20))
                file.seek(place)
                file.write(b"x")
        self.settle()
        self.assert_differs("moved", "content")

    def test_another_target_of_a_link_is_noticed(self) -> None:
        (self.other / "link").unlink()
        (self.other / "link").symlink_to("elsewhere")
        self.settle()
        self.assertIn("file became elsewhere", self.assert_differs("link", "target"))

    @ROOT
    def test_another_device_number_is_noticed(self) -> None:
        for root, minor in ((self.one, 3), (self.other, 5)):
            os.mknod(root / "device", stat.S_IFCHR | 0o600, os.makedev(1, minor))
        self.settle()
        self.assert_differs("device", "device")

    def test_a_broken_hard_link_is_noticed_once(self) -> None:
        os.link(self.one / "file", self.one / "twin")
        os.link(self.other / "file", self.other / "twin")
        self.settle()
        self.assert_same()
        (self.other / "twin").unlink()
        shutil.copy2(self.other / "file", self.other / "twin")
        self.settle()
        line = self.assert_differs("file", "links")
        self.assertIn("[file, twin] became []", line)

    def test_links_grouped_otherwise_are_noticed(self) -> None:
        for root, groups in ((self.one, ("ab", "cd")), (self.other, ("ac", "bd"))):
            for first, second in groups:
                (root / first).write_bytes(b"same")
                os.link(root / first, root / second)
        self.settle()
        code, lines = self.compare()
        self.assertEqual(code, 1)
        self.assertTrue(all(": links: " in line for line in lines), lines)

    def test_another_attribute_is_noticed(self) -> None:
        os.setxattr(self.one / "file", "user.colour", b"red")
        os.setxattr(self.other / "file", "user.colour", b"blue")
        self.assert_differs("file", "xattrs")

    @ROOT
    def test_an_attribute_of_a_symbolic_link_is_compared(self) -> None:
        os.setxattr(self.other / "link", "trusted.colour", b"red", follow_symlinks=False)
        self.assert_differs("link", "xattrs")

    def test_another_access_list_is_noticed(self) -> None:
        for root, bits in ((self.one, 0), (self.other, 0)):
            os.setxattr(root / "file", "system.posix_acl_access", access_list(bits))
        self.assert_same()
        os.setxattr(self.other / "folder", "system.posix_acl_default", access_list(4))
        self.assert_differs("folder", "xattrs")

    @ROOT
    def test_another_capability_is_noticed(self) -> None:
        os.setxattr(self.one / "file", "security.capability", capability(1 << 10))
        os.setxattr(self.other / "file", "security.capability", capability(1 << 12))
        self.assert_differs("file", "xattrs")

    def test_another_flag_is_noticed(self) -> None:
        fd = os.open(self.other / "file", os.O_RDONLY)
        self.addCleanup(os.close, fd)
        try:
            fcntl.ioctl(fd, FS_IOC_SETFLAGS, struct.pack("=Q", NO_DUMP))
        except OSError as error:
            self.skipTest(f"no flags here: {error}")
        self.assertIn("none became no-dump", self.assert_differs("file", "flags"))

    @ROOT
    def test_another_project_id_is_noticed(self) -> None:
        self.mount_with_projects()
        fd = os.open(self.other / "file", os.O_RDONLY)
        try:
            fcntl.ioctl(fd, FS_IOC_FSSETXATTR, compare_trees.FSXATTR.pack(0, 0, 0, 77, 0))
        finally:
            os.close(fd)
        self.assertIn("0 became 77", self.assert_differs("file", "project"))

    def mount_with_projects(self) -> None:
        """Puts both trees on a file system that has project ids."""
        image, mounted = self.scratch / "image", self.scratch / "mounted"
        mounted.mkdir()
        why = []
        # XFS always has project ids; ext4 only where the kernel was built for quotas.
        for make in (["mkfs.xfs", "-q"], ["mkfs.ext4", "-q", "-O", "project,^quota"]):
            with image.open("wb") as file:
                file.truncate(320 << 20)
            if not shutil.which(make[0]):
                why.append(f"no {make[0]}")
                continue
            subprocess.run([*make, str(image)], check=True)
            mount = ["mount", "-o", "loop", str(image), str(mounted)]
            done = subprocess.run(mount, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                break
            why.append(done.stderr.strip())
        else:
            self.skipTest("; ".join(why))
        self.addCleanup(subprocess.run, ["umount", str(mounted)], check=True)
        for name in ("one", "other"):
            shutil.copytree(self.scratch / name, mounted / name, symlinks=True)
        self.one, self.other = mounted / "one", mounted / "other"
        self.settle()

    def test_zeros_in_place_of_a_hole_are_noticed_as_that_only(self) -> None:
        with (self.one / "sparse").open("wb") as file:
            file.truncate(1 << 20)
            file.seek(512 << 10)
            file.write(b"x" * 4096)
        with (self.other / "sparse").open("wb") as file:
            file.write(bytes(512 << 10) + b"x" * 4096 + bytes((512 << 10) - 4096))
        self.settle()
        self.assert_differs("sparse", "holes")

    def test_a_huge_hole_costs_nothing(self) -> None:
        for root, letter in ((self.one, b"x"), (self.other, b"y")):
            with (root / "huge").open("wb") as file:
                file.truncate(1 << 40)
                file.seek(1 << 39)
                file.write(letter)
        self.settle()
        self.assert_differs("huge", "content")

    def test_names_of_any_bytes_are_compared(self) -> None:
        name = b"\xff\xfe\n\\ name"
        for root, data in ((self.one, b"1"), (self.other, b"2")):
            with open(os.path.join(os.fsencode(root), name), "wb") as file:
                file.write(data)
        self.settle()
        self.assert_differs("\\xff\\xfe\\x0a\\x5c name", "content")

    def test_a_path_longer_than_the_kernel_takes_is_compared(self) -> None:
        name, depth = "d" * 200, 60
        for root, data in ((self.one, b"1"), (self.other, b"2")):
            self.deep(root, name, depth, data)
        self.settle_deep(self.one, name, depth)
        self.settle_deep(self.other, name, depth)
        line = self.assert_differs("/".join([name] * depth) + "/bottom", "content")
        self.assertGreater(len(line), 4096 * 2)

    def deep(self, root: Path, name: str, depth: int, data: bytes) -> None:
        here = os.open(root, os.O_RDONLY)
        for _ in range(depth):
            os.mkdir(name, dir_fd=here)
            child = os.open(name, os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = child
        fd = os.open("bottom", os.O_WRONLY | os.O_CREAT, dir_fd=here)
        os.write(fd, data)
        os.utime(fd, ns=(TIME_NS, TIME_NS))
        os.close(fd)
        os.close(here)

    def settle_deep(self, root: Path, name: str, depth: int) -> None:
        """From the top: setting a folder's time does not change its parent's."""
        here = os.open(root, os.O_RDONLY)
        os.utime(here, ns=(TIME_NS, TIME_NS))
        for _ in range(depth):
            child = os.open(name, os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = child
            os.utime(here, ns=(TIME_NS, TIME_NS))
        os.close(here)

    def test_a_deep_tree_needs_few_descriptors(self) -> None:
        depth = 1500
        for root in (self.one, self.other):
            self.deep(root, "d", depth, b"same")
            self.settle_deep(root, "d", depth)
        self.assert_same()

    def test_sockets_can_be_left_out(self) -> None:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self.one / "socket"))
        self.settle()
        self.assertEqual(self.compare(), (1, ["socket: only in the first: socket"]))
        self.assert_same("--ignore-sockets")

    def test_two_files_can_be_compared(self) -> None:
        self.one, self.other = self.one / "file", self.one / "folder" / "inner"
        code, lines = self.compare()
        self.assertEqual(code, 1)
        self.assertIn(".: size: 8000 became 5", lines)

    def test_a_missing_folder_is_an_error_and_not_a_difference(self) -> None:
        with contextlib.redirect_stderr(io.StringIO()) as err:
            code = compare_trees.main([str(self.one), str(self.scratch / "absent")])
        self.assertEqual(code, 2)
        self.assertIn("absent", err.getvalue())


if __name__ == "__main__":
    unittest.main()
