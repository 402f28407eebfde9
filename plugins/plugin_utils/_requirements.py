# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lock as a requirements file with hashes: read, validated, narrowed to a host. Errors name file, line, package."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ..module_utils._pins import Pin, normalize

try:
    from packaging.markers import default_environment
    from packaging.requirements import InvalidRequirement, Requirement
except ImportError as error:  # the plugin that uses this module says it in the user's words
    PACKAGING_IMPORT_ERROR: ImportError | None = error
else:
    PACKAGING_IMPORT_ERROR = None

_HASH = re.compile(r"\s--hash[= ](\S+)")
_SHA256 = re.compile(r"^sha256:[0-9a-f]{64}$")
_HEADER = re.compile(r"^# mlinabox lock:\s*(.*)$")


class LockFileError(ValueError):
    """The lock cannot be used. The message is one line that begins with FILE:LINE."""


@dataclass(frozen=True)
class Entry:
    """One requirement of a lock: the pin, and the marker under which it counts ('' for always)."""

    pin: Pin
    marker: str = ""


@dataclass(frozen=True)
class LockFile:
    """A lock as it was read. header: the key=value pairs of its first line, for example python=3.9."""

    path: str
    entries: tuple
    header: dict = field(default_factory=dict)

    @property
    def has_markers(self) -> bool:
        """Whether what counts depends on the host."""
        return any(entry.marker for entry in self.entries)

    def narrow(self, environment: dict[str, str]) -> list[Pin]:
        """Return the pins that count in a marker environment (PEP 508), sorted by name.

        Raises LockFileError where two of them pin the same distribution, or where none counts.
        """
        pins: dict[str, Pin] = {}
        for entry in self.entries:
            if entry.marker and not Requirement(f"x ; {entry.marker}").marker.evaluate(environment):
                continue
            other = pins.get(entry.pin.name)
            if other and (other.version, other.url) != (entry.pin.version, entry.pin.url):
                raise LockFileError(
                    f"{entry.pin.source}: {entry.pin.name}: pinned to {entry.pin.version or entry.pin.url}, and at "
                    f"{other.source} to {other.version or other.url}, both for this host. Leave one"
                )
            pins[entry.pin.name] = entry.pin
        if not pins:
            raise LockFileError(f"{self.path}:1: no requirement of this lock is for this host")
        return [pins[name] for name in sorted(pins)]


def read_lock(path: str) -> LockFile:
    """Read and validate a lock.

    Every requirement must be pinned with == (or be a direct address) and carry a sha256. Options (`--index-url` and
    such) are refused: where packages come from is not the lock's to say. Raises LockFileError.
    """
    try:
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
    except (OSError, UnicodeDecodeError) as error:
        raise LockFileError(f"{path}: cannot be read: {error}") from error
    return parse_lock(text, path)


def parse_lock(text: str, path: str) -> LockFile:
    """Parse a lock's text; path is for messages. Raises LockFileError."""
    header: dict[str, str] = {}
    first = _HEADER.match(text.partition("\n")[0])
    if first:
        header = dict(part.partition("=")[::2] for part in first.group(1).split() if "=" in part)
    entries = [_parse_line(line, f"{path}:{number}") for number, line in _logical_lines(text)]
    if not entries:
        raise LockFileError(f"{path}:1: the lock names no requirement")
    seen: dict[tuple, Entry] = {}
    for entry in entries:
        key = (entry.pin.name, entry.marker)
        if key in seen:
            raise LockFileError(
                f"{entry.pin.source}: {entry.pin.name}: already pinned at {seen[key].pin.source}. Leave one"
            )
        seen[key] = entry
    return LockFile(path, tuple(entries), header)


def _logical_lines(text: str):
    """Yield (number of the first line, text) of each requirement: continuations joined, comments left out."""
    joined, start = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        # A comment begins a line or follows a blank (pip's rule): an address may hold a '#'.
        line = re.sub(r"(^|\s)#.*$", "", raw).strip()
        if not joined:
            start = number
        if line.endswith("\\"):
            joined += line[:-1].strip() + " "
            continue
        if not line and joined and raw.strip().startswith("#"):
            continue
        joined += line
        if joined.strip():
            yield start, joined.strip()
        joined = ""
    if joined.strip():
        yield start, joined.strip()


def _parse_line(line: str, source: str) -> Entry:
    if line.startswith("-"):
        raise LockFileError(
            f"{source}: the option {line.split()[0]!r} does not belong in a lock. Where packages come from is set by "
            f"network_index_url; only pinned requirements with hashes stand here"
        )
    hashes = tuple(sorted(set(_HASH.findall(" " + line))))
    requirement_text = _HASH.sub("", " " + line).strip()
    try:
        requirement = Requirement(requirement_text)
    except InvalidRequirement as error:
        raise LockFileError(
            f"{source}: {requirement_text!r} is no requirement: {str(error).splitlines()[0]}"
        ) from error
    name = normalize(requirement.name)
    for value in hashes:
        if not _SHA256.match(value):
            raise LockFileError(f"{source}: {name}: {value!r} is no sha256. Make the lock anew with hashes")
    if not hashes:
        raise LockFileError(
            f"{source}: {name}: no hash. Make the lock with `./box lock`, or `uv pip compile --generate-hashes`"
        )
    specifiers = list(requirement.specifier)
    version = ""
    if requirement.url:
        if not requirement.url.startswith(("https://", "http://", "file://")):
            raise LockFileError(f"{source}: {name}: the address {requirement.url!r} is not one of https, http or file")
        version = _version_of_file(requirement.url)
        if not version:
            raise LockFileError(
                f"{source}: {name}: {requirement.url!r} names no wheel or source archive with a version"
            )
    elif len(specifiers) == 1 and specifiers[0].operator in ("==", "===") and not specifiers[0].version.endswith("*"):
        version = specifiers[0].version
    else:
        raise LockFileError(
            f"{source}: {name}: {str(requirement.specifier) or 'no version'} is no exact pin. A lock pins each with =="
        )
    marker = str(requirement.marker) if requirement.marker else ""
    return Entry(Pin(name, version, hashes, requirement.url or "", source), marker)


def _version_of_file(url: str) -> str:
    """Return the version in the name of a wheel or source archive, or ''."""
    file = url.partition("#")[0].rpartition("/")[2].replace("%2B", "+").replace("%2b", "+")
    if file.endswith(".whl"):
        parts = file[:-4].split("-")
        return parts[1] if len(parts) >= 5 else ""
    for suffix in (".tar.gz", ".zip", ".tar.bz2"):
        if file.endswith(suffix):
            return file[: -len(suffix)].rpartition("-")[2]
    return ""


def marker_environment(python_version: str, found: dict[str, str] | None = None) -> dict[str, Any]:
    """Return a marker environment for CPython on x86_64 Linux.

    python_version: `3.9` or `3.9.14`; found: what the host itself says, which goes before what is assumed.
    """
    environment: dict[str, Any] = dict(default_environment())
    short = ".".join(python_version.split(".")[:2])
    environment.update(
        implementation_name="cpython",
        implementation_version=python_version,
        os_name="posix",
        platform_machine="x86_64",
        platform_python_implementation="CPython",
        platform_system="Linux",
        python_full_version=python_version if python_version.count(".") > 1 else f"{short}.0",
        python_version=short,
        sys_platform="linux",
    )
    environment.update(found or {})
    environment["extra"] = ""
    return environment
