# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running uv so that nothing of this machine but its index gets into the result."""

from __future__ import annotations

import datetime
import functools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from .names import LockError, normalized
from .stack import Target

# glibc 2.28: no newer than that of any release that a stack is for (Debian 11 and Ubuntu 20.04 have 2.31).
PLATFORM = "x86_64-manylinux_2_28"

# Variables that would change what uv resolves. Those that say where (an index mirror, a CA, a proxy) are left alone.
RESOLVING_VARIABLES = (
    "UV_BUILD_CONSTRAINT",
    "UV_CONSTRAINT",
    "UV_CUSTOM_COMPILE_COMMAND",
    "UV_EXCLUDE",
    "UV_EXCLUDE_NEWER",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_FORK_STRATEGY",
    "UV_INDEX",
    "UV_NO_BINARY",
    "UV_NO_BINARY_PACKAGE",
    "UV_NO_BUILD",
    "UV_NO_BUILD_PACKAGE",
    "UV_OVERRIDE",
    "UV_PRERELEASE",
    "UV_PYTHON",
    "UV_REQUIRE_HASHES",
    "UV_RESOLUTION",
)


def one_line(text: str) -> str:
    """Return what uv wrote to its standard error as one line, without its frames and its progress."""
    # uv frames its reasons with characters that are not ASCII; no requirement holds any.
    lines = [re.sub(r"^[^\x21-\x7e]+", "", line).strip() for line in text.splitlines()]
    lines = [re.sub(r"^(?:error|cause): ", "", line) for line in lines]
    return " ".join(line for line in lines if line and not line.startswith(("Resolved ", "warning: ")))


def find_uv() -> str:
    """Return the uv that stands beside this Python, else that on PATH; LockError where there is none."""
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which("uv")
    if not found:
        raise LockError("there is no uv beside this Python nor on PATH: run this as `./box lock`, which brings it")
    return found


def end_of_day(date: str) -> str:
    """Return the first instant after a day, in UTC: uv takes a bare date in the time zone of the machine it runs on.

    >>> end_of_day("2022-10-20")
    '2022-10-21T00:00:00Z'
    """
    return f"{datetime.date.fromisoformat(date) + datetime.timedelta(days=1)}T00:00:00Z"


def run_uv(command: list[str], folder: Path, what: str) -> tuple[str, str]:
    """Return what uv wrote to its standard output and error; LockError, that begins with `what`, where it failed."""
    environment = {k: v for k, v in os.environ.items() if k not in RESOLVING_VARIABLES}
    # Never an interpreter from the network for this: another Python that is here reads the sources' metadata as well.
    environment["UV_PYTHON_DOWNLOADS"] = "never"
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LockError(f"{what}: {one_line(done.stderr) or f'uv ended with {done.returncode}'}")
    return done.stdout, done.stderr


@functools.lru_cache(maxsize=None)
def resolve(
    uv: str, folder: Path, requirements: str, build: str, until: str, python: str, universal: bool, file_format: str
) -> str:
    """Return what `uv pip compile` writes in one of its formats (`requirements.txt` or `pylock.toml`).

    It runs in the stack's folder, so that its comments name the requirements file and no path of this machine. Variants
    that differ in their overrides alone are resolved once.
    """
    command = [uv, "pip", "compile", requirements, "--format", file_format, "--no-config", "--no-header"]
    command += ["--generate-hashes", "--no-strip-extras", "--no-emit-index-url", "--no-progress", "--color", "never"]
    command += ["--python-version", python, "--exclude-newer", end_of_day(until)]
    command += ["--universal", "--fork-strategy", "requires-python"] if universal else ["--python-platform", PLATFORM]
    if build:
        command += ["--build-constraints", build]
    return run_uv(command, folder, str(folder / requirements))[0]


def resolution(uv: str, target: Target, folder: Path, file_format: str) -> str:
    """Return a target's resolution in one of uv's formats."""
    return resolve(
        uv,
        folder,
        target.requirements,
        target.build_requirements,
        target.until,
        target.python,
        target.universal,
        file_format,
    )


def source_only(pylock: str) -> list[str]:
    """Return the distributions of a resolution, in uv's pylock.toml form, that have no wheel for its platform."""
    import tomllib  # Python 3.11; the unit tests of the rest run on older ones

    packages = tomllib.loads(pylock).get("packages", [])
    return sorted({normalized(p["name"]) for p in packages if not p.get("wheels") and p.get("sdist")})
