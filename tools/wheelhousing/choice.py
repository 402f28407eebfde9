# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which file of a distribution a host would install: a wheel that fits its Python and platform, else the source."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from locking.uv import PLATFORM
from packaging.tags import Tag
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from .collection import Host, Pin, host_tags, marker_environment

# What a lock was resolved for is what its files are chosen for.
GLIBC = tuple(int(part) for part in re.fullmatch(r"x86_64-manylinux_(\d+)_(\d+)", PLATFORM).groups())


@dataclass(frozen=True)
class File:
    """A file that an index or an address serves. sha256: hex, '' where nobody said; size: bytes, None likewise."""

    name: str
    url: str
    sha256: str = ""
    size: int | None = None


def host(python: str) -> Host:
    """Return the host that a wheelhouse is for, with a Python such as 3.9."""
    return Host(marker_environment(python), GLIBC)


@functools.lru_cache(maxsize=None)
def ranks(python: str) -> dict[Tag, int]:
    """Return the tags that a Python takes, the best with the lowest rank."""
    found: dict[Tag, int] = {}
    for tag in host_tags(host(python)):
        found.setdefault(tag, len(found))
    return found


def best(files: Iterable[File], pin: Pin, python: str) -> File | None:
    """Return the file of a pin that a Python takes: the best wheel, else a source archive, None where neither is.

    A file counts when the lock allows its hash; where the index tells none, when its name is the pin's, and the hash is
    held against the lock once it is here.
    """
    wheels: list[tuple[tuple[bool, int, int, str], File]] = []
    sources: list[File] = []
    for file in files:
        if file.sha256 and f"sha256:{file.sha256}" not in pin.hashes:
            continue
        # A hash that is told goes before one that is not.
        untold = not file.sha256
        try:
            if file.name.endswith(".whl"):
                name, version, build, tags = parse_wheel_filename(file.name)
                fitting = [ranks(python)[tag] for tag in tags if tag in ranks(python)]
                if fitting and (not untold or _is(pin, name, version)):
                    # Of two builds the later one; both are of the lock.
                    wheels.append(((untold, min(fitting), -build[0] if build else 0, file.name), file))
            else:
                name, version = parse_sdist_filename(file.name)
                if not untold or _is(pin, name, version):
                    sources.append(file)
        except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
            continue
    if wheels:
        # An index may list a file twice.
        return min(wheels, key=lambda one: one[0])[1]
    return min(sources, key=lambda file: (not file.sha256, not file.name.endswith(".tar.gz"), file.name), default=None)


def _is(pin: Pin, name: str, version: Version) -> bool:
    return canonicalize_name(name) == pin.name and version == Version(pin.version)
