# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a lock's source distributions build, and with nothing but what the build lock names."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Any

from .names import LockError, normalized
from .stack import Target
from .text import ENTRY, blocks
from .uv import run_uv

# In uv's log: "Installing `setuptools==65.5.0`, `wheel==0.37.1` in `/.../builds-v0/..."
BUILD_PIN = re.compile(r"`([A-Za-z0-9][A-Za-z0-9._-]*==[^`\s]+)`")


def prove_build(uv: str, target: Target, lock: str, build_lock: str) -> str:
    """Build what a lock has from source, with its build lock and a cold cache, and return one line on it.

    A build requirement that the build lock lacks would be taken from the index as of today and without a hash: uv's
    build constraints bind only what they name. So what uv puts into the builds' environments is held against the lock.

    Raises:
        LockError: a source does not build, or it asked for something that is not in the build lock.
    """
    sources = [normalized(name) for name in target.built_from_source or ()]
    entries = lock.split("\n", 1)[1]  # less the header
    kept = [block for block in blocks(entries) if normalized(ENTRY.match(block[0])["name"]) in sources]
    allowed = {line.split(" ")[0] for line in build_lock.splitlines() if ENTRY.match(line)}
    with tempfile.TemporaryDirectory(prefix="mlinabox-build-") as scratch:
        folder = Path(scratch)
        (folder / "sources.txt").write_text("".join(f"{line}\n" for block in kept for line in block), encoding="utf-8")
        (folder / "build.txt").write_text(build_lock, encoding="utf-8")
        run_uv([uv, "venv", "--quiet", "--no-config", "--python", target.python, "venv"], folder, "no build was tried")
        command = [uv, "pip", "install", "--no-config", "--verbose", "--color", "never", "--cache-dir", "cache"]
        command += ["--python", "venv", "--no-deps", "--require-hashes"]
        command += ["--build-constraints", "build.txt", "-r", "sources.txt"]
        _out, log = run_uv(command, folder, f"{target.path.name}: a source does not build")
    used = {p for line in log.splitlines() if "/builds-v0/" in line for p in BUILD_PIN.findall(line)}
    if not used:
        raise LockError("uv's log does not tell what the builds were made with, so nothing is proved; has uv changed?")
    if used - allowed:
        raise LockError(f"building asked for {', '.join(sorted(used - allowed))}: add to {target.build_requirements}")
    return f"{os.path.relpath(target.path)}: {len(kept)} built from source with {', '.join(sorted(used))}"


def build_proofs(uv: str, made: list[tuple[Target, str]]) -> list[str]:
    """Return one line for each lock that has sources, built once for each set of them; LockError where one fails."""
    texts = {target.path: text for target, text in made}
    proofs: dict[tuple[Any, ...], str] = {}
    for target, text in made:
        key = (target.built_from_source, target.build, target.python)
        if not target.built_from_source or key in proofs:
            continue
        if not target.build:
            raise LockError(f"{target.path.name} has sources to build, so its environment needs build, a lock for that")
        build_lock = texts.get(target.build) or target.build.read_text(encoding="utf-8")
        proofs[key] = prove_build(uv, target, text, build_lock)
    return list(proofs.values())
