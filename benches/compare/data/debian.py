"""Packages of the system's own suite, downloaded and unpacked beside the system."""

import re
import subprocess
import tempfile
from pathlib import Path


def unpack(packages: list[str], folder: Path) -> None:
    """Unpacks `packages` into `folder` without installing them."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="orlop-bench.") as scratch:
        subprocess.run(
            ["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", *packages],
            cwd=scratch,
            check=True,
        )
        for package in sorted(Path(scratch).glob("*.deb")):
            subprocess.run(["dpkg-deb", "-x", str(package), str(folder)], check=True)


def install(package: str, program: str) -> None:
    """Installs `package` unless `program` is there already."""
    if not Path(program).exists():
        subprocess.run(
            ["apt-get", "install", "-qq", "-y", "--no-install-recommends", package], check=True
        )


def mirror() -> tuple[str, str]:
    """The mirror and the suite's code name that the system's own sources use."""
    targets = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME)", "Created-By: Packages"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for line in targets.splitlines():
        uri, _, suite = line.partition(" ")
        if re.search(r"/debian/?$", uri) and "-" not in suite:
            return uri, suite
    raise RuntimeError("the system's sources name no Debian mirror")
