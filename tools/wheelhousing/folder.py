# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory: what it says of itself, what in it is whole, what is not its own."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import WheelhouseError

MANIFEST = "wheelhouse.json"
SUMS = "SHA256SUMS"
PARTIAL = ".part-"


def sha256(path: Path) -> str:
    """Return a file's digest, hex."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while part := stream.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


class Folder:
    """A wheelhouse's directory."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the directory where it is not there, and keep other runs out of it.

        Raises:
            WheelhouseError: another run works on it, or it holds files and is no wheelhouse.
        """
        if self.path.exists() and not self.path.is_dir():
            raise WheelhouseError(f"{self.path}: is no directory; name another with --to")
        self.path.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_RDONLY)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise WheelhouseError(f"{self.path}: another ./box wheelhouse works on it; wait for its end") from None
            others = sorted(os.listdir(self.path))
            if others and MANIFEST not in others:
                raise WheelhouseError(
                    f"{self.path}: has files ({others[0]}) and is no wheelhouse; name an empty or new one with --to"
                )
            yield
        finally:
            os.close(handle)

    def manifest(self) -> dict[str, Any]:
        """Return what wheelhouse.json says, {} where it is not there or says nothing that can be read."""
        try:
            found = json.loads((self.path / MANIFEST).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) and isinstance(found.get("files"), dict) else {}

    def write_manifest(self, content: dict[str, Any]) -> None:
        """Write wheelhouse.json, and once all is there SHA256SUMS, as `sha256sum --check` reads it."""
        self._write(MANIFEST, json.dumps(content, indent=1, sort_keys=True) + "\n")
        if content["complete"]:
            rows = sorted(content["files"].items())
            self._write(SUMS, "".join(f"{one['sha256']}  {path}\n" for path, one in rows))
        else:
            (self.path / SUMS).unlink(missing_ok=True)

    def _write(self, name: str, text: str) -> None:
        beside = self.path / f"{PARTIAL}{name}"
        beside.write_text(text, encoding="utf-8")
        # Whatever this shell's umask: another user may serve hosts from it.
        beside.chmod(0o644)
        beside.replace(self.path / name)

    def files(self) -> set[str]:
        """Return the paths of all files below the directory, less its own two and what a killed run left half."""
        found = set()
        for path in self.path.rglob("*"):
            if path.is_dir() and not path.is_symlink():
                continue
            if not path.name.startswith(PARTIAL):
                found.add(str(path.relative_to(self.path)))
        return found - {MANIFEST, SUMS}

    def remove_partial(self) -> None:
        """Remove what a killed run left half."""
        for path in self.path.rglob(f"{PARTIAL}*"):
            path.unlink()

    def remove(self, paths: list[str]) -> None:
        """Remove files of the wheelhouse's own."""
        for path in paths:
            (self.path / path).unlink(missing_ok=True)

    def damage(self, allowed: dict[str, tuple[str, ...]], sizes: dict[str, int | None]) -> dict[str, str]:
        """Return {path: what is wrong}, of files that are there, by hash. The digest of a whole file is in `digests`.

        allowed: {path: the digests (hex) that it may have}; sizes: {path: bytes, None where nobody knows}.
        """
        self.digests: dict[str, str] = {}

        def look(path: str) -> str:
            file = self.path / path
            if file.is_symlink() or not file.is_file():
                return "is no plain file"
            size = sizes.get(path)
            if size is not None and file.stat().st_size != size:
                return f"has {file.stat().st_size} bytes of {size}"
            try:
                digest = sha256(file)
            except OSError as error:
                return f"cannot be read: {error.strerror}"
            if digest not in allowed[path]:
                return f"has another content than the lock allows (sha256 {digest[:12]}...)"
            self.digests[path] = digest
            return ""

        there = sorted(path for path in allowed if os.path.lexists(self.path / path))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return {path: what for path, what in zip(there, pool.map(look, there)) if what}
