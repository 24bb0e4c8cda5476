"""The harness measures what it says and notices work that was not done."""

import os
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

import chart
import measure
import report
import verify
from data.switch import switch
from figures import Figures
from run import size
from tools.engine import summary


def record(tool: str, wall: float, *, step: str = "first", bytes_: int = 100) -> dict:
    cost = {
        "wall_s": wall,
        "user_s": wall / 2,
        "system_s": wall / 4,
        "peak_bytes": 64 << 20,
        "foreign_share": 0.01,
    }
    return {
        "place": "tmpfs",
        "data": "source-tree",
        "tool": tool,
        "step": step,
        "run": 1,
        "cost": cost,
        "repository_bytes": bytes_,
    }


def results(*records: dict) -> dict:
    return {
        "started": "2026-01-01T00:00:00+00:00",
        "machine": {"cores": "2"},
        "tools": {"orlop": "orlop 0.1", "restic": "restic 0.19"},
        "runs": 3,
        "titles": {"source-tree": "source tree"},
        "source_bytes": {"source-tree": 1000},
        "records": list(records),
    }


class Scratch(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="harness."))
        self.addCleanup(shutil.rmtree, self.folder)


class Measuring(Scratch):
    def run_python(self, program: str) -> measure.Finished:
        return measure.run([sys.executable, "-I", "-S", "-c", program], log=self.folder / "log")

    def test_peak_memory_is_that_of_the_process_and_not_of_this_one(self) -> None:
        ballast = bytearray(os.urandom(1)) * (200 << 20)
        small = self.run_python("pass").cost.peak_bytes
        self.assertLess(small, 40 << 20)
        large = self.run_python("kept = bytearray(b'x') * (100 << 20)").cost.peak_bytes
        self.assertGreater(large - small, 90 << 20)
        self.assertEqual(len(ballast), 200 << 20)

    def test_processor_time_of_children_counts(self) -> None:
        spin = "import time\nwhile time.process_time() < 0.3: pass"
        program = f"import os\nif os.fork() == 0:\n exec({spin!r})\nelse:\n os.wait()"
        self.assertGreater(self.run_python(program).cost.cpu_s, 0.25)

    def test_a_failed_process_is_not_a_measurement(self) -> None:
        with self.assertRaisesRegex(measure.Failed, "(?s)ended with 3.*why"):
            self.run_python("import sys; print('why', file=sys.stderr); sys.exit(3)")

    def test_a_program_that_is_not_there_is_not_a_measurement(self) -> None:
        with self.assertRaisesRegex(measure.Failed, "ended with 127"):
            measure.run(["/no/such/program"], log=self.folder / "log")


class Verifying(Scratch):
    def setUp(self) -> None:
        super().setUp()
        self.source, self.restored = self.folder / "source", self.folder / "restored"
        (self.source / "inner").mkdir(parents=True)
        for number in range(10):
            (self.source / "inner" / f"{number}").write_bytes(bytes([number]) * 1000)
        shutil.copytree(self.source, self.restored)

    def test_equal_trees_pass(self) -> None:
        verify.same(self.source, self.restored, everything=True)

    def test_a_lost_file_is_noticed(self) -> None:
        (self.restored / "inner" / "3").unlink()
        with self.assertRaises(verify.Differs):
            verify.same(self.source, self.restored, everything=False)

    def test_another_name_is_noticed(self) -> None:
        (self.restored / "inner" / "3").rename(self.restored / "inner" / "three")
        with self.assertRaisesRegex(verify.Differs, "not of the same name"):
            verify.same(self.source, self.restored, everything=False)

    def test_other_content_is_noticed(self) -> None:
        (self.restored / "inner" / "3").write_bytes(b"!" * 1000)
        with self.assertRaisesRegex(verify.Differs, "content"):
            verify.same(self.source, self.restored, everything=False)

    def test_a_long_file_is_sampled_at_both_ends(self) -> None:
        long = verify.WHOLE_BYTES * 2
        for root in (self.source, self.restored):
            with (root / "long").open("wb") as file:
                file.truncate(long)
        with (self.restored / "long").open("r+b") as file:
            file.seek(long - 1)
            file.write(b"!")
        with self.assertRaisesRegex(verify.Differs, "content"):
            verify.same(self.source, self.restored, everything=False)


class Switching(Scratch):
    def test_only_what_differs_is_touched_and_in_place(self) -> None:
        before, after, live = (self.folder / name for name in ("before", "after", "live"))
        for root in (before, after):
            root.mkdir()
            (root / "same").write_bytes(b"same")
            (root / "changed").write_bytes(b"a" * 50_000)
            os.utime(root / "same", ns=(1, 1))
            os.utime(root / "changed", ns=(1, 1))
        (before / "removed").write_bytes(b"")
        (after / "added").write_bytes(b"new")
        (after / "changed").write_bytes(b"a" * 20_000 + b"b" * 40_000)
        (after / "changed").chmod(0o600)
        os.utime(after / "changed", ns=(2, 2))
        os.utime(after, ns=(3, 3))
        shutil.copytree(before, live)
        same, changed = (os.stat(live / name) for name in ("same", "changed"))
        switch(after, live)
        self.assertEqual(sorted(os.listdir(live)), ["added", "changed", "same"])
        self.assertEqual((live / "changed").read_bytes(), (after / "changed").read_bytes())
        self.assertEqual(os.stat(live / "same").st_ctime_ns, same.st_ctime_ns)
        now = os.stat(live / "changed")
        self.assertEqual((now.st_ino, now.st_mtime_ns), (changed.st_ino, 2))
        self.assertEqual(now.st_mode & 0o777, 0o600)
        self.assertEqual(os.stat(live).st_mtime_ns, 3)
        switch(before, live)
        verify.same(before, live, everything=True)


class Reporting(unittest.TestCase):
    def test_a_ratio_is_of_medians_and_above_one_when_we_need_less(self) -> None:
        walls = [("orlop", 1.0), ("orlop", 2.0), ("orlop", 9.0), ("restic", 6.0)]
        figures = Figures(record(tool, wall) for tool, wall in walls)
        self.assertEqual(figures.ratio("source-tree", "first", "wall", "orlop", "restic"), 3.0)

    def test_a_figure_that_nobody_has_is_none(self) -> None:
        figures = Figures([record("kopia", 1.0)])
        self.assertIsNone(figures.get("source-tree", "first", "kopia", "raw"))
        self.assertIsNone(figures.ratio("source-tree", "first", "raw", "orlop", "kopia"))

    def test_targets_are_judged(self) -> None:
        reached = report.markdown(results(record("orlop", 1.0), record("restic", 3.0)))
        self.assertIn("| 3.00x | reached |", reached)
        missed = report.markdown(results(record("orlop", 1.0), record("restic", 2.9)))
        self.assertIn("| 2.90x | **missed** |", missed)

    def test_a_peer_that_is_ahead_is_named(self) -> None:
        text = report.markdown(results(record("orlop", 2.0), record("borg", 1.0)))
        self.assertIn("first backup, wall: not behind borg | 0.50x | **missed** |", text)

    def test_the_chart_has_a_bar_for_each_tool(self) -> None:
        drawn = chart.svg(results(record("orlop", 1.0), record("restic", 3.0)), "tmpfs")
        self.assertIn("1.00 orlop", drawn)
        self.assertIn("3.00 restic", drawn)
        self.assertTrue(drawn.endswith("</svg>\n"))


class Reading(unittest.TestCase):
    def test_the_summary_is_found_among_other_lines(self) -> None:
        text = 'note\n{"message_type":"status"}\n{"message_type":"summary","data_added":5}\n'
        self.assertEqual(summary(text)["data_added"], 5)

    def test_a_backup_without_a_summary_is_a_failure(self) -> None:
        with self.assertRaises(measure.Failed):
            summary('{"message_type":"status"}\n')

    def test_sizes_have_units(self) -> None:
        self.assertEqual(size("80MiB"), 80 << 20)


if __name__ == "__main__":
    unittest.main()
