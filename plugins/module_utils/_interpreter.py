# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The interpreter that an environment is made over."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from dataclasses import dataclass

from ._request import PipLockError

# What is asked for is built in: importing more would cost more than the question.
_QUESTION = (
    "import sys, _imp, _frozen_importlib_external as e; "
    "print('%d.%d.%d' % sys.version_info[:3], sys.implementation.cache_tag, e.MAGIC_NUMBER.hex())"
)
_ANSWER = re.compile(r"(\d+\.\d+\.\d+) (\S+) ((?:[0-9a-f]{2})+)")


@dataclass(frozen=True)
class Interpreter:
    """path: absolute; version: `3.9.14`; cache_tag: `cpython-39`, in bytecode's file names; magic: its first bytes."""

    path: str
    version: str
    cache_tag: str
    magic: bytes

    @property
    def real(self):
        """The program behind the links."""
        return os.path.realpath(self.path)


def ask_interpreter(request):
    """Return the Interpreter of a request. Raises PipLockError for one that does not run or is not the lock's."""
    try:
        done = subprocess.run(
            [request.python, "-I", "-S", "-c", _QUESTION], capture_output=True, stdin=subprocess.DEVNULL, check=False
        )
    except OSError as error:
        raise _useless(request, f"does not run: {error}") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise _useless(request, f"does not run: {said[-1] if said else f'it ended with status {done.returncode}'}")
    answer = _ANSWER.fullmatch(done.stdout.decode("utf-8", "replace").strip())
    if not answer:
        raise _useless(request, "is no Python: it does not tell its version")
    version, cache_tag, magic = answer.groups()
    wanted = request.python_version
    if wanted and version.split(".")[: wanted.count(".") + 1] != wanted.split("."):
        raise PipLockError(
            f"environment {request.name}: the lock is for Python {wanted}, {request.python} is Python {version}. "
            f"Name an interpreter of {wanted}, or make a lock for {version}"
        )
    return Interpreter(request.python, version, cache_tag, bytes.fromhex(magic))


def _useless(request, why):
    return PipLockError(
        f"environment {request.name}: the interpreter {request.python or '(none given)'} {why}. "
        f"Install it first (role mlinabox.core.python), or name another with the option python"
    )


def require_platform(request):
    """Raise PipLockError where the lock is for another platform than this host's. Needs no interpreter."""
    own = f"{sys.platform}-{platform.machine()}"
    if request.platform not in ("", "any", own):
        raise PipLockError(
            f"environment {request.name}: the lock is for {request.platform}, this host is {own}. Make a lock for it"
        )
    if platform.machine() != "x86_64":
        raise PipLockError(f"environment {request.name}: locks are for x86_64, this host is {platform.machine()}")
