# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lock as a requirements file with hashes: read, validated, narrowed to a host. Errors name file, line, package."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..module_utils._pins import Pin, normalize
from ._lock_file import Host, Lock, LockFileError, is_address, is_sha256, read_header, version_of_file
from ._requirement_options import check_option

try:
    from packaging.markers import Marker, UndefinedComparison, UndefinedEnvironmentName
    from packaging.requirements import InvalidRequirement, Requirement
except ImportError as error:  # the plugin that uses this module says it in the user's words
    PACKAGING_IMPORT_ERROR: ImportError | None = error
else:
    PACKAGING_IMPORT_ERROR = None

_HASH = re.compile(r"\s--hash[= ](\S+)")
_EXTRA = re.compile(r"""\bextra\s*==\s*["']([^"']+)["']|["']([^"']+)["']\s*==\s*extra\b""")


@dataclass(frozen=True)
class Entry:
    """One requirement of a lock: the pin, and the marker under which it counts ('' for always)."""

    pin: Pin
    marker: str = ""

    def counts(self, host: Host | None) -> bool:
        """Return whether the entry counts on a host, with the extras that are asked for. Raises LockFileError."""
        if not self.marker:
            return True
        marker = Marker(self.marker)
        try:
            return any(marker.evaluate({**host.markers, "extra": extra}) for extra in ("", *host.extras))
        except (UndefinedComparison, UndefinedEnvironmentName) as error:
            raise LockFileError(
                f"{self.pin.source}: {self.pin.name}: the marker {self.marker!r} cannot be told: {error} Mend it, or "
                f"make the lock anew"
            ) from error


@dataclass(frozen=True)
class RequirementsLock(Lock):
    """A requirements file that was read."""

    @property
    def depends_on_host(self) -> bool:
        """Whether any entry has a marker."""
        return any(entry.marker for entry in self.entries)

    @property
    def names(self) -> set[str]:
        """The distributions that the lock names."""
        return {entry.pin.name for entry in self.entries}

    def narrow(self, host: Host | None) -> list[Pin]:
        """Return the pins that count on a host, sorted by name. host: may be None where nothing depends on it.

        Raises LockFileError where two of them pin the same distribution, or where none counts.
        """
        self._require_extras(host)
        pins: dict[str, Pin] = {}
        for entry in self.entries:
            if not entry.counts(host):
                continue
            other = pins.get(entry.pin.name)
            if other and (other.version, other.url) != (entry.pin.version, entry.pin.url):
                raise LockFileError(
                    f"{entry.pin.source}: {entry.pin.name}: pinned to {entry.pin.version or entry.pin.url}, and at "
                    f"{other.source} to {other.version or other.url}, both for this host. Leave one"
                )
            pins[entry.pin.name] = entry.pin
        if not pins:
            raise LockFileError(f"{self.path}:1: no requirement of this lock is for this host ({host})")
        return [pins[name] for name in sorted(pins)]

    def _require_extras(self, host: Host | None) -> None:
        if host is None:
            return
        if host.groups is not None:
            raise LockFileError(
                f"{self.path}:1: a requirements file has no dependency groups, but the option groups asks for "
                f"{', '.join(host.groups) or 'none'}. Remove the option, or use a pylock.toml"
            )
        known = {normalize(one or other) for entry in self.entries for one, other in _EXTRA.findall(entry.marker)}
        unknown = sorted(set(host.extras) - known)
        if unknown:
            raise LockFileError(
                f"{self.path}:1: no marker of the lock names the extra {', '.join(unknown)}; it names "
                f"{', '.join(sorted(known)) or 'none'}"
            )


def parse_requirements(text: str, path: str) -> RequirementsLock:
    """Parse a lock's text; path is for messages.

    Every requirement must be pinned with == (or be a direct address) and carry a sha256. Raises LockFileError.
    """
    entries = []
    for number, line in _logical_lines(text):
        if line.startswith("-"):
            check_option(line, f"{path}:{number}")
        else:
            entries.append(_parse_line(line, f"{path}:{number}"))
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
    return RequirementsLock(path, tuple(entries), read_header(text))


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
    found = set(_HASH.findall(" " + line))
    requirement_text = _HASH.sub("", " " + line).strip()
    try:
        requirement = Requirement(requirement_text)
    except InvalidRequirement as error:
        raise LockFileError(
            f"{source}: {requirement_text!r} is no requirement: {_why(requirement_text, error)}"
        ) from error
    name = normalize(requirement.name)
    if (requirement.url or "").startswith(("git+", "hg+", "svn+", "bzr+")):
        raise LockFileError(
            f"{source}: {name}: what a version control system serves cannot be hashed. Build a wheel of "
            f"{requirement.url}, and pin that by address and hash"
        )
    hashes = _sha256_of(found, f"{source}: {name}")
    version = _version(requirement, f"{source}: {name}")
    marker = str(requirement.marker) if requirement.marker else ""
    return Entry(Pin(name, version, hashes, requirement.url or "", source), marker)


def _why(text: str, error: Exception) -> str:
    """Return why a text is no requirement, in words that help."""
    if re.match(r"\.{0,2}/|\.$|[a-z+]+://", text):
        return "a bare path or address says neither name nor version. Write `NAME @ ADDRESS --hash=sha256:...`"
    return str(error).splitlines()[0]


def _sha256_of(found: set[str], where: str) -> tuple:
    """Return the sha256 among the hashes. Others beside it are left out: the file must have one of those that stay."""
    if not found:
        raise LockFileError(f"{where}: no hash. Make the lock with `./box lock`, or `uv pip compile --generate-hashes`")
    others = sorted(value for value in found if not is_sha256(value))
    if len(others) == len(found) or any(value.startswith("sha256") for value in others):
        raise LockFileError(f"{where}: {others[0]!r} is no sha256. Make the lock anew with hashes")
    return tuple(sorted(found - set(others)))


def _version(requirement, where: str) -> str:
    if requirement.url:
        if not is_address(requirement.url):
            raise LockFileError(f"{where}: the address {requirement.url!r} is not one of https, http or file")
        version = version_of_file(requirement.url)
        if not version:
            raise LockFileError(f"{where}: {requirement.url!r} names no wheel or source archive with a version")
        return version
    specifiers = list(requirement.specifier)
    if len(specifiers) == 1 and specifiers[0].operator in ("==", "===") and not specifiers[0].version.endswith("*"):
        return specifiers[0].version
    raise LockFileError(
        f"{where}: {str(requirement.specifier) or 'no version'} is no exact pin. A lock pins each with =="
    )
