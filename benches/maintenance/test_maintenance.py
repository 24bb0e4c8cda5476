"""The data of the maintenance figures is what the figures say it is."""

import random
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "compare"))

import year
from maintain import middle
from versions import Versions


class YearTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = Path(folder.name) / "pages.sqlite"

    def test_a_day_rewrites_one_page_in_a_hundred_and_not_the_first(self):
        drawn = random.Random(1)
        year.create(self.file, 400 * year.PAGE, drawn)
        before = self.file.read_bytes()
        year.rewrite(self.file, 400 * year.PAGE, drawn)
        after = self.file.read_bytes()
        self.assertEqual(len(after), len(before))
        pages = range(0, len(before), year.PAGE)
        changed = [at for at in pages if before[at : at + year.PAGE] != after[at : at + year.PAGE]]
        self.assertEqual(len(changed), 4)
        self.assertTrue(after.startswith(b"SQLite format 3\0"))
        self.assertNotIn(0, changed)


class VersionsTest(unittest.TestCase):
    def test_each_version_changes_a_share_of_the_files_in_the_same_way_every_time(self):
        with tempfile.TemporaryDirectory() as root:
            origin = Path(root) / "origin"
            origin.mkdir()
            for number in range(400):
                (origin / str(number)).write_text("x")
            seen = []
            for _ in range(2):
                with Versions(Path(root) / "copy", origin) as versions:
                    versions.show(0)
                    versions.show(1)
                    seen.append({f.name: f.read_text() for f in versions.path.iterdir()})
            self.assertEqual(seen[0], seen[1])
            changed = sum(text != "x" for text in seen[0].values())
            self.assertTrue(20 <= changed <= 60, changed)
            self.assertTrue(all(f.read_text() == "x" for f in origin.iterdir()))


class MedianTest(unittest.TestCase):
    def test_the_middle_of_an_even_count_lies_between_two(self):
        self.assertEqual(middle([3, 1, 2]), 2)
        self.assertEqual(middle([4, 1, 2, 3]), 2.5)


if __name__ == "__main__":
    unittest.main()
