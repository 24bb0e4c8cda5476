"""Tests of crates.py."""

import unittest

from crates import CRATES_IO, problems, satisfied

ALLOWED = {"MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"}


def package(**fields):
    return {
        "name": "x",
        "version": "1",
        "source": CRATES_IO,
        "license": "MIT",
        "dependencies": [],
    } | fields


class Licences(unittest.TestCase):
    def test_one_of_several_is_enough_and_all_of_several_are_needed(self):
        for good in [
            "MIT",
            "MIT OR GPL-3.0",
            "GPL-3.0/MIT",
            "MIT AND Apache-2.0",
            "(GPL-3.0 OR MIT) AND Apache-2.0",
            "Apache-2.0 WITH LLVM-exception OR GPL-3.0",
        ]:
            self.assertTrue(satisfied(good, ALLOWED), good)
        for bad in [
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "MIT WITH Odd-exception",
            "GPL-3.0 OR MIT AND GPL-2.0",
        ]:
            self.assertFalse(satisfied(bad, ALLOWED), bad)

    def test_what_is_not_understood_is_an_error(self):
        for odd in ["", "MIT OR", "(MIT", "MIT MIT"]:
            with self.assertRaises(ValueError, msg=odd):
                satisfied(odd, ALLOWED)


class Packages(unittest.TestCase):
    def test_licence_source_and_version_are_checked(self):
        self.assertEqual(problems([package()], ALLOWED), [])
        git = package(source="git+https://example.org/x")
        wild = package(source=None, dependencies=[{"name": "y", "req": "*", "path": None}])
        own = package(source=None, dependencies=[{"name": "y", "req": "*", "path": "/y"}])
        for wrong in [git, wild, package(license=None), package(license="GPL-3.0")]:
            self.assertEqual(len(problems([wrong], ALLOWED)), 1, wrong)
        self.assertEqual(problems([own], ALLOWED), [])


if __name__ == "__main__":
    unittest.main()
