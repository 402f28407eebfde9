# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lock as PEP 751's pylock.toml, read with packaging, narrowed to a host. Errors name file, line and package."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from ..module_utils._pins import Pin, normalize
from ._host_tags import host_tags
from ._lock_file import Host, Lock, LockFileError, is_address, is_sha256, read_header, version_of_file
from ._lock_indexes import main_index
from ._toml_lines import TomlLines, error_line

try:
    import tomllib
    from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
    from packaging.pylock import Pylock, PylockSelectError, PylockValidationError

    Pylock.select  # noqa: B018 - packaging 26.0 has the module without it
except (ImportError, AttributeError) as error:  # requirements files are read without them
    PYLOCK_IMPORT_ERROR: Exception | None = error
else:
    PYLOCK_IMPORT_ERROR = None

_FILE_NAME = re.compile(r"pylock\.(?:[^./]+\.)?toml\Z")


def is_pylock(path: str) -> bool:
    """Return whether a file's name says that it is a pylock.toml (PEP 751: `pylock.toml` or `pylock.NAME.toml`)."""
    return bool(_FILE_NAME.match(path.rpartition("/")[2]))


@dataclass(frozen=True)
class Entry:
    """One table of `packages`: its pin, or why there can be none. source: FILE:LINE."""

    name: str
    source: str
    pin: Pin | None = None
    refusal: str = ""


@dataclass(frozen=True)
class PyLock(Lock):
    """A pylock.toml that was read. entries: one for each of `packages`, in its order."""

    pylock: Any = None
    lines: Any = None

    @property
    def depends_on_host(self) -> bool:
        """A pylock lists each package's wheels, so it always tells whether there is one for the host."""
        return True

    @property
    def names(self) -> set[str]:
        """The distributions that the lock names."""
        return {entry.name for entry in self.entries}

    def narrow(self, host: Host) -> list[Pin]:
        """Return the pins that count on a host, sorted by name. Raises LockFileError where it is not for it."""
        self._require_asked(host)
        self._require_host(host)
        number = {id(package): place for place, package in enumerate(self.pylock.packages)}
        try:
            chosen = list(
                self.pylock.select(
                    environment=host.markers,
                    tags=host_tags(host),
                    extras=host.extras,
                    dependency_groups=host.groups,
                )
            )
        except PylockSelectError as error:
            raise LockFileError(self._unselected(error, host)) from error
        except (UndefinedComparison, UndefinedEnvironmentName) as error:
            raise LockFileError(f"{self.path}:1: a marker cannot be told: {error}") from error
        if not chosen:
            raise LockFileError(f"{self.path}:1: no package of this lock is for this host ({host})")
        pins = []
        for package, _file in chosen:
            entry = self.entries[number[id(package)]]
            if entry.pin is None:
                raise LockFileError(f"{entry.source}: {entry.name}: {entry.refusal}")
            pins.append(entry.pin)
        return sorted(pins, key=lambda pin: pin.name)

    def _require_asked(self, host: Host) -> None:
        """Refuse extras and groups that the lock has not. packaging would take them for none."""
        lock = self.pylock
        for what, key, asked, known in (
            ("extra", "extras", host.extras, lock.extras),
            ("dependency group", "dependency-groups", host.groups, [*(lock.dependency_groups or [])]),
        ):
            known = {*(known or ()), *(lock.default_groups or () if key != "extras" else ())}
            unknown = sorted({*(asked or ())} - known)
            if unknown:
                raise LockFileError(
                    f"{self.path}:{self.lines.key(key)}: the lock was made without the {what} {', '.join(unknown)}; "
                    f"it has "
                    f"{', '.join(sorted(known)) or 'none'}. Make it anew with it, or remove it from the task"
                )

    def _require_host(self, host: Host) -> None:
        """Refuse a lock for another Python or platform with what it is for."""
        lock = self.pylock
        python = host.markers["python_full_version"]
        # A development build calls itself 3.15.0a1+; the plus is no version.
        if lock.requires_python and not lock.requires_python.contains(python.rstrip("+"), prereleases=True):
            raise LockFileError(
                f"{self.path}:{self.lines.key('requires-python')}: the lock is for Python {lock.requires_python}, this "
                f"host is {host}. Name an interpreter of that, or make a lock for this one"
            )
        environments = lock.environments or ()
        where = f"{self.path}:{self.lines.key('environments')}"
        try:
            suits = any(one.evaluate(host.markers, context="requirement") for one in environments)
        except (UndefinedComparison, UndefinedEnvironmentName) as error:
            raise LockFileError(f"{where}: a marker cannot be told: {error} Make the lock anew") from error
        if environments and not suits:
            raise LockFileError(
                f"{where}: the lock is for {' or '.join(map(str, environments))}, "
                f"this host is {host}. Make a lock for it"
            )

    def _unselected(self, error: Exception, host: Host) -> str:
        """Return in one line why packaging selects nothing. It names the tables by their number."""
        places = [int(place) for place in re.findall(r"packages\[(\d+)\]", str(error))]
        if not places:
            return f"{self.path}:1: {error}"
        entry, package = self.entries[places[0]], self.pylock.packages[places[0]]
        where = f"{entry.source}: {entry.name}"
        if len(places) > 1:
            return f"{where}: counts for this host ({host}), and so does {self.entries[places[1]].source}. Leave one"
        required = package.requires_python
        if required and not required.contains(host.markers["python_full_version"].rstrip("+"), prereleases=True):
            return f"{where}: is for Python {required}, this host is {host}. Make a lock for it"
        if package.wheels:
            return (
                f"{where}: no wheel of the lock is for this host ({host}), and it has no source. They are for "
                f"{_tags(package.wheels)}. Make a lock for this host"
            )
        return f"{where}: {error}"


def parse_pylock(text: str, path: str) -> PyLock:
    """Parse a lock's text; path is for messages. Raises LockFileError."""
    if PYLOCK_IMPORT_ERROR is not None:
        raise LockFileError(
            f"{path}:1: a pylock.toml is read with Python 3.11 or later and packaging 26.1 or later on the controller: "
            f"{PYLOCK_IMPORT_ERROR}. Install them, or use a requirements file with hashes"
        )
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise LockFileError(f"{path}:{error_line(error, text)}: no valid TOML: {_reason(error)}") from error
    lines = TomlLines(text)
    version = data.get("lock-version")
    if not re.fullmatch(r"1(\.\d+)*", str(version)):
        raise LockFileError(
            f"{path}:{lines.key('lock-version')}: lock-version {version!r} is not known, 1.0 is. Make the lock anew "
            f"with a "
            f"tool that writes that"
        )
    tables = data.get("packages")
    tables = tables if isinstance(tables, list) and all(isinstance(one, dict) for one in tables) else []
    names = [str(one.get("name", "")) for one in tables]
    sources = [f"{path}:{line}" for line in lines.tables("packages", names)]
    # Before packaging looks: what lacks a hash has no `hashes` at all, which it would call a missing value.
    for table, name, source in zip(tables, names, sources):
        _check_hashes(table, f"{source}: {name or 'a package without name'}")
    try:
        pylock = Pylock.from_dict(data)
    except PylockValidationError as error:
        raise LockFileError(_invalid(error, path, names, sources, lines)) from error
    if not tables:
        raise LockFileError(f"{path}:1: the lock names no package")
    named = [_index(one) for one in tables if "wheels" in one or "sdist" in one]
    main = main_index(named)
    entries = [_entry(table, source, main) for table, source in zip(tables, sources)]
    return PyLock(path, tuple(entries), read_header(text), pylock, lines)


def _reason(error: Exception) -> str:
    return re.sub(r"\s*\(at [^)]*\)$", "", str(error).splitlines()[0])


def _files(table: dict) -> list[dict]:
    """Return what of a package can be fetched, as it is in the file."""
    wheels = table.get("wheels")
    found = [*(wheels if isinstance(wheels, list) else []), table.get("sdist"), table.get("archive")]
    return [one for one in found if isinstance(one, dict)]


def _check_hashes(table: dict, where: str) -> None:
    for file in _files(table):
        name = file.get("name") or file.get("url") or file.get("path") or "a file"
        hashes = file.get("hashes")
        if not hashes:
            raise LockFileError(f"{where}: {name} has no hash. Make the lock anew with hashes")
        if isinstance(hashes, dict) and "sha256" not in hashes:
            raise LockFileError(
                f"{where}: {name} has no sha256, but {', '.join(sorted(hashes))}. Make the lock anew with sha256 hashes"
            )
        if isinstance(hashes, dict) and not is_sha256(f"sha256:{hashes['sha256']}"):
            raise LockFileError(f"{where}: {name}: {hashes['sha256']!r} is no sha256. Make the lock anew with hashes")


def _invalid(error, path: str, names: list[str], sources: list[str], lines: TomlLines) -> str:
    """Return packaging's complaint in one line with its place. Its context is such as packages[3].wheels[0].url."""
    context = error.context or ""
    said = " ".join(str(error.message).split())
    found = re.match(r"packages\[(\d+)\]\.?(.*)", context)
    if not found or int(found.group(1)) >= len(names):
        return f"{path}:{lines.key(context.partition('.')[0].partition('[')[0])}: {context or 'the lock'}: {said}"
    place = int(found.group(1))
    key = f"{found.group(2)}: " if found.group(2) else ""
    return f"{sources[place]}: {names[place] or 'a package without name'}: {key}{said}"


def _index(table: dict) -> str:
    return str(table.get("index") or "").rstrip("/")


def _entry(table: dict, source: str, main: str | None) -> Entry:
    """Return an entry for a table that is valid by PEP 751."""
    name = normalize(table["name"])
    where = f"{source}: {name}"
    if "vcs" in table:
        refusal = (
            "what a version control system serves cannot be hashed. Build a wheel of "
            f"{table['vcs'].get('url') or table['vcs'].get('path')}, and lock that by its address"
        )
        return Entry(name, source, refusal=refusal)
    if "directory" in table:
        refusal = (
            f"what lies in a directory ({table['directory']['path']}) cannot be hashed. Leave the project itself "
            "out when exporting (`uv export --no-emit-project`, `pdm export` without --self), or lock a wheel of it by "
            "its address"
        )
        return Entry(name, source, refusal=refusal)
    hashes = tuple(sorted({f"sha256:{file['hashes']['sha256']}" for file in _files(table)}))
    url, version = "", str(table.get("version") or "")
    if "archive" in table:
        url = str(table["archive"].get("url") or "")
        if not is_address(url):
            refusal = (
                f"its archive {url or table['archive'].get('path')} is no address of https, http or file. Put it "
                f"where the "
                "host can fetch it, and lock that address"
            )
            return Entry(name, source, refusal=refusal)
        version = version or version_of_file(url)
        folder = table["archive"].get("subdirectory")
        url += f"#subdirectory={folder}" if folder else ""
    if not version:
        raise LockFileError(f"{where}: no version. Make the lock anew with a tool that writes it")
    index = "" if url or _index(table) == main else _index(table)
    return Entry(name, source, Pin(name, version, hashes, url, source, index))


def _tags(wheels, most: int = 6) -> str:
    """Return what wheels are for, as their names say it."""
    counted = Counter("-".join(wheel.filename[: -len(".whl")].split("-")[-3:]) for wheel in wheels)
    tags = sorted(counted)
    return ", ".join(tags[:most]) + (f" and {len(tags) - most} more" if len(tags) > most else "")
