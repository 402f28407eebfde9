# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stack.yml (or locks.yml) says about its locks: which files to make, and from what."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from wheelhousing.collection import parse_architecture

from .names import LockError, normalized

STACKS = Path(__file__).resolve().parent.parent.parent / "stacks"
FILES = ("stack.yml", "locks.yml")


@dataclass(frozen=True)
class Override:
    """A wheel that is on no index, by its address and hash; it takes the place of a resolved entry."""

    name: str
    version: str
    url: str
    sha256: str
    #: What GPU code it holds, where that cannot be read out of it: (architectures, CUDA release, source).
    gpu: tuple[tuple[str, ...], str, str] | None = None

    @classmethod
    def parse(cls, data: Any, where: str) -> Override:
        """Return the override that a mapping of stack.yml describes; LockError where it is not whole or consistent."""
        keys = {"name", "version", "url", "sha256"}
        if not isinstance(data, dict) or set(data) - {"gpu"} != keys:
            raise LockError(f"{where}: an override has exactly the keys {', '.join(sorted(keys))}, and may have gpu")
        override = cls(
            normalized(str(data["name"])),
            str(data["version"]),
            str(data["url"]),
            str(data["sha256"]),
            _gpu_code(data["gpu"], f"{where}: gpu of {data['name']}") if "gpu" in data else None,
        )
        if not re.fullmatch(r"[0-9a-f]{64}", override.sha256):
            raise LockError(f"{where}: sha256 of {override.name} is not 64 hexadecimal digits")
        address = urlsplit(override.url)
        if address.scheme != "https" or not address.hostname or "@" in address.netloc:
            raise LockError(f"{where}: url of {override.name} has to be an https address without a user or password")
        parts = unquote(address.path.rsplit("/", 1)[-1]).split("-")
        if len(parts) < 5 or normalized(parts[0]) != override.name or parts[1] != override.version:
            raise LockError(f"{where}: url of {override.name} does not name a wheel of version {override.version}")
        return override


def _gpu_code(data: Any, where: str) -> tuple[tuple[str, ...], str, str]:
    """Return an override's `gpu` as Override has it; LockError where it is not whole."""
    if not isinstance(data, dict) or set(data) != {"architectures", "cuda", "source"}:
        raise LockError(f"{where}: it has exactly the keys architectures, cuda, source")
    architectures = data["architectures"]
    if not isinstance(architectures, list) or not architectures or not all(isinstance(a, str) for a in architectures):
        raise LockError(f"{where}: architectures is a list of quoted texts, such as ['8.0', '8.0+PTX']")
    for architecture in architectures:
        try:
            parse_architecture(architecture)
        except ValueError as error:
            raise LockError(f"{where}: {error}") from None
    return tuple(architectures), str(data["cuda"]), str(data["source"])


@dataclass(frozen=True)
class Target:
    """One file to make: a lock, with everything that decides what is in it."""

    path: Path
    header: str
    requirements: str
    until: str
    python: str
    universal: bool = False
    # What sources are built with, as a person asked for it ('' where nothing is built) and as a lock.
    build_requirements: str = ""
    build: Path | None = None
    overrides: tuple[Override, ...] = ()
    # Distributions that stack.yml says are built from source; None where nobody says (the build lock itself).
    built_from_source: tuple[str, ...] | None = None


@dataclass
class Stack:
    """A stack folder's stack.yml (or locks.yml), as far as its locks are concerned."""

    file: Path
    data: dict[str, Any]
    environments: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The stack's folder, from which the paths in its file start."""
        return self.file.parent

    @classmethod
    def load(cls, name: str) -> Stack:
        """Return the stack of a name in stacks/ or of a folder's path.

        Raises:
            LockError: there is no such stack (the message lists those there are), or its file lacks what locks need.
        """
        import yaml  # not before an error can be told: it comes with ansible-core

        candidates = [Path(name)] if os.sep in name or name in (".", "..") else [STACKS / name, Path(name)]
        path = next((c / file for c in candidates for file in FILES if (c / file).is_file()), None)
        if path is None:
            known = sorted({p.parent.name for file in FILES for p in STACKS.glob(f"*/{file}")})
            raise LockError(f"no stack {name!r}: there is {', '.join(known)}, or give the path of a stack's folder")
        try:
            data = yaml.safe_load(path.read_text(encoding="utf-8"))
        except yaml.YAMLError as error:
            raise LockError(f"{path}: {' '.join(str(error).split())}") from error
        stack = cls(path.resolve(), data if isinstance(data, dict) else {})
        for key in ("name", "published", "environments"):
            if not stack.data.get(key):
                raise LockError(f"{path}: {key} is missing")
        if not isinstance(stack.data["environments"], dict):
            raise LockError(f"{path}: environments is not a mapping of names")
        stack.environments = stack.data["environments"]
        return stack

    def until(self) -> str:
        """Return `published`, an ISO date; LockError where it is none."""
        text = str(self.data["published"])
        try:
            datetime.date.fromisoformat(text)
        except ValueError:
            raise LockError(f"{self.file}: published is {text!r}, which is not a date as 2022-10-20") from None
        return text

    def targets(self, environment: str | None = None, variant: str | None = None) -> list[Target]:
        """Return the files to make, each once, those of an environment's variants before its build requirements.

        Args:
            environment: only this one's; LockError when stack.yml has none of that name.
            variant: only this one's, and then not the build requirements; LockError when no chosen environment has it.
        """
        if environment is not None and environment not in self.environments:
            raise LockError(f"{self.file}: no environment {environment!r}: there is {', '.join(self.environments)}")
        chosen = {k: v for k, v in self.environments.items() if environment in (None, k)}
        variants = {v for e in chosen.values() for v in e.get("variants", {})}
        if variant is not None and variant not in variants:
            raise LockError(f"{self.file}: no variant {variant!r}: there is {', '.join(sorted(variants))}")
        found: dict[Path, Target] = {}
        for name, data in chosen.items():
            for target in self._targets_of(name, data, variant):
                found.setdefault(target.path, target)
        return list(found.values())

    def _targets_of(self, name: str, data: dict[str, Any], variant: str | None) -> Iterator[Target]:
        """Yield the targets of one environment."""
        where = f"{self.file}: environment {name}"
        universal = bool(data.get("universal", False))
        python = str(data.get("python") or self.data.get("python", {}).get("version") or "")
        if not re.fullmatch(r"3\.\d+", python):
            raise LockError(f"{where}: python is {python!r}, which is not a version as 3.9")
        if not data.get("requirements") or not isinstance(data.get("variants"), dict):
            raise LockError(f"{where}: it needs requirements (a file) and variants (a mapping to locks)")
        overrides = data.get("overrides") or {}
        unknown = set(overrides) - set(data["variants"])
        if unknown:
            raise LockError(f"{where}: overrides for {', '.join(sorted(unknown))}, which is none of its variants")

        def header(of: str) -> str:
            # A universal lock is for no single Python, so it says from which one on.
            place = f"python_from={python} platform=any" if universal else f"python={python} platform=linux-x86_64"
            what = f"stack={self.data['name']} environment={name} variant={of}"
            return f"# mlinabox lock: {what} {place} until={self.until()}"

        sharing: dict[str, list[str]] = {}
        for key, lock in data["variants"].items():
            sharing.setdefault(str(lock), []).append(str(key))
        for lock, keys in sharing.items():
            if variant is not None and variant not in keys:
                continue
            sets = {tuple(Override.parse(o, where) for o in overrides.get(key) or ()) for key in keys}
            if len(sets) > 1:
                raise LockError(f"{where}: the variants {', '.join(keys)} share {lock}, but not their overrides")
            yield Target(
                path=self.folder / lock,
                header=header(",".join(keys)),
                requirements=str(data["requirements"]),
                until=self.until(),
                python=python,
                universal=universal,
                build_requirements=str(data.get("build_requirements") or ""),
                build=self.folder / str(data["build"]) if data.get("build") else None,
                overrides=sets.pop(),
                built_from_source=tuple(data.get("built_from_source") or ()),
            )
        if data.get("build") and variant is None:
            if not data.get("build_requirements"):
                raise LockError(f"{where}: build names a lock, so build_requirements has to name what is in it")
            yield Target(
                path=self.folder / str(data["build"]),
                header=header("build"),
                requirements=str(data["build_requirements"]),
                until=self.until(),
                python=python,
                universal=universal,
                build_requirements=str(data["build_requirements"]),
            )
