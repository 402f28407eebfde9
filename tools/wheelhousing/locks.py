# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which locks a wheelhouse serves, each for which Pythons: a stack's, the notebook server's, the controller's own."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from locking.stack import Stack, Target

from .choice import host
from .collection import ROOT, LockFileError, Pin, read_lock
from .errors import WheelhouseError

#: What lies here is for the controller's .venv, not for hosts.
CONTROLLER = "controller"
#: Pythons that ansible-core 2.19 runs on, as in ./box.
CONTROLLER_PYTHONS = ("3.11", "3.12", "3.13")


@dataclass(frozen=True)
class Need:
    """One lock for one or more Pythons. folder: where its files go, below the wheelhouse."""

    lock: Path
    pythons: tuple[str, ...]
    folder: str = ""

    def described(self) -> dict[str, Any]:
        """Return what decides which files it comes to, and for readers where it lies, as plain data."""
        return {
            "lock": os.path.relpath(self.lock, ROOT) if self.lock.is_relative_to(ROOT) else str(self.lock),
            "sha256": hashlib.sha256(self.lock.read_bytes()).hexdigest(),
            "pythons": list(self.pythons),
            "folder": self.folder,
        }

    def pins(self) -> list[tuple[str, Pin]]:
        """Return (Python, Pin) for each distribution that the lock has for each of its Pythons."""
        try:
            lock = read_lock(str(self.lock))
            return [(python, pin) for python in self.pythons for pin in lock.narrow(host(python))]
        except LockFileError as error:
            raise WheelhouseError(str(error)) from error


def release_pythons() -> tuple[str, ...]:
    """Return the Pythons of all the releases that the role `python` knows, such as 3.9, oldest first."""
    import yaml

    found: set[str] = set()
    for table in (ROOT / "roles" / "python" / "vars").glob("*-*.yml"):
        release = yaml.safe_load(table.read_text(encoding="utf-8"))["__python_release"]
        found.update(release["packages"])
    return tuple(sorted(found, key=_version))


def stack_needs(name: str, variant: str | None, pythons: list[str]) -> list[Need]:
    """Return what a whole `./box site` of a stack's variant needs.

    Args:
        name: a folder of stacks/ by name, or any such folder by path.
        variant: may be None where the stack has one alone.
        pythons: those that a lock for any Python is to serve; all of the known releases' where it is empty.

    Raises:
        WheelhouseError: no such variant. LockError: no such stack.
    """
    stack = Stack.load(name)
    variants = sorted({key for one in stack.environments.values() for key in one.get("variants") or {}})
    if variant is None and len(variants) == 1:
        variant = variants[0]
    if variant not in variants:
        said = "name one with --variant" if variant is None else f"has no variant {variant!r}"
        raise WheelhouseError(f"stack {stack.data['name']}: {said}: it has {', '.join(variants)}")
    needs = _of(stack.targets(variant=variant), pythons)
    if stack.file.name == "stack.yml":
        # Its variants are all one lock, and it is served whatever the stack's variant is called.
        needs += _of(Stack.load("jupyterlab").targets(), pythons)
    needs += [
        Need(ROOT / "requirements" / "uv.txt", CONTROLLER_PYTHONS, CONTROLLER),
        Need(ROOT / "requirements" / "controller.txt", CONTROLLER_PYTHONS, CONTROLLER),
    ]
    return list(dict.fromkeys(needs))


def _of(targets: list[Target], pythons: list[str]) -> list[Need]:
    needs = []
    for target in targets:
        if target.universal:
            oldest = _version(target.python)
            served = tuple(python for python in pythons or release_pythons() if _version(python) >= oldest)
        else:
            served = (target.python,)
        needs.append(Need(target.path, served))
        if target.build and target.built_from_source:
            needs.append(Need(target.build, served))
    return [need for need in needs if need.pythons]


def _version(python: str) -> tuple[int, ...]:
    return tuple(int(part) for part in python.split("."))
