# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file beside a lock that says what GPU code its wheels hold: cuda.txt has cuda.gpu.yml.

A wheel is read once: while the lock has it (by its hash), what is written there stands. An override may say itself
what it holds, where no index that can be reached has the wheel.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from wheelhousing.choice import best, host
from wheelhousing.collection import LockFileError, Pin, parse_lock
from wheelhousing.errors import WheelhouseError
from wheelhousing.index import Index

from .gpu_wheels import Held, depends_on_torch, read, reads
from .names import LockError
from .remote import opened
from .stack import Target

HEADER = (
    "---\n# What GPU code the wheels of {lock} hold. ./box lock wrote this, out of the wheels; a change here is lost.\n"
)


def path_of(lock: Path) -> Path:
    """Return where the file beside a lock lies."""
    return lock.with_suffix(".gpu.yml")


class Wheels:
    """The wheels of locks, each read once in a run."""

    def __init__(self, index: Callable[[], Index], again: bool = False) -> None:
        """index: returns the index, called when there is a wheel to read; again: read what was read before, too."""
        self.again = again
        self._index = index
        self._known: dict[tuple[Any, ...], tuple[str, Held | None]] = {}

    def read(self, pin: Pin, python: str, torch_cuda: str) -> tuple[str, Held | None]:
        """Return the hash of a pin's wheel and what it holds; LockError where it cannot be read."""
        key = (pin.name, pin.hashes, pin.url, torch_cuda if depends_on_torch(pin.name) else "")
        if key not in self._known:
            try:
                self._known[key] = self._read(pin, python, torch_cuda)
            except (LockError, WheelhouseError, zipfile.BadZipFile) as error:
                cure = " Say in stack.yml what it holds: gpu of its override." if pin.url else ""
                what = (
                    f"{pin.name} {pin.version}: its GPU code cannot be read: {unquote(str(error)).rstrip('.')}.{cure}"
                )
                raise LockError(what) from error
        return self._known[key]

    def _read(self, pin: Pin, python: str, torch_cuda: str) -> tuple[str, Held | None]:
        index = self._index()
        if pin.url:
            url, size, sha256 = pin.url, None, pin.hashes[0]
        else:
            file = best(index.files(pin.name), pin, python)
            if file is None or not file.name.endswith(".whl"):
                return "", None  # it is built on the host, for the GPU that is there
            url, size, sha256 = file.url, file.size, f"sha256:{file.sha256}"
        with zipfile.ZipFile(opened(index, url, size)) as wheel:
            return sha256, read(pin.name, wheel, torch_cuda)


def text_of(target: Target, lock: str, wheels: Wheels) -> str:
    """Return the file's text for a lock's text, '' where no wheel of it is known to hold GPU code.

    Raises:
        LockError: a wheel that is known to hold GPU code cannot be read.
    """
    try:
        pins = parse_lock(lock, str(target.path)).narrow(host(target.python))
    except LockFileError as error:
        raise LockError(str(error)) from error
    before = {} if wheels.again else _written(path_of(target.path))
    overrides = {override.name: override.gpu for override in target.overrides if override.gpu}
    found: dict[str, dict[str, Any]] = {}
    # torch goes before those that depend on it.
    for pin in sorted((pin for pin in pins if reads(pin.name)), key=lambda pin: (pin.name != "torch", pin.name)):
        old, torch_cuda = before.get(pin.name, {}), found.get("torch", {}).get("cuda", "")
        if pin.name in overrides:
            architectures, cuda, source = overrides[pin.name]
            found[pin.name] = _entry(pin, pin.hashes[0], Held(architectures, cuda, source))
        elif f"sha256:{old.get('sha256')}" in pin.hashes and not (
            depends_on_torch(pin.name) and old["cuda"] != torch_cuda
        ):
            found[pin.name] = old
        else:
            sha256, held = wheels.read(pin, target.python, torch_cuda)
            if held:
                found[pin.name] = _entry(pin, sha256, held)
    return _text(target.path.name, found) if found else ""


def _entry(pin: Pin, sha256: str, held: Held) -> dict[str, Any]:
    return {
        "version": pin.version,
        "sha256": sha256.partition(":")[2],
        "cuda": held.cuda,
        "architectures": list(held.architectures),
        "read": held.read,
    }


def _text(lock: str, found: dict[str, dict[str, Any]]) -> str:
    lines = [HEADER.format(lock=lock)]
    for name in sorted(found):
        lines.append(f"{name}:\n")
        # A text in quotes and a list of such are the same in JSON and YAML.
        lines += [f"  {key}: {json.dumps(value)}\n" for key, value in found[name].items()]
    return "".join(lines)


def _written(path: Path) -> dict[str, Any]:
    """Return what such a file says, {} where there is none or it is none."""
    import yaml

    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    keys = {"version", "sha256", "cuda", "architectures", "read"}
    return {name: one for name, one in (data or {}).items() if isinstance(one, dict) and set(one) == keys}
