# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What both kinds of lock share: their error, the host that they are narrowed to, and what an address may be."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from ..module_utils._pins import Pin

_SHA256 = re.compile(r"^sha256:[0-9a-f]{64}$")
_HEADER = re.compile(r"^# mlinabox lock:\s*(.*)$")


class LockFileError(ValueError):
    """The lock cannot be used. The message is one line that begins with FILE:LINE."""


@dataclass(frozen=True)
class Host:
    """What a lock is narrowed to.

    markers: a marker environment (PEP 508); glibc: (major, minor), or () where nobody knows; abi_flags: what the
    interpreter's ABI has behind its number, 't' for the free-threaded one; extras, groups: what is asked for besides,
    groups None for what the lock has by default.
    """

    markers: dict
    glibc: tuple = ()
    abi_flags: str = ""
    extras: tuple = ()
    groups: tuple | None = None

    def __str__(self) -> str:
        libc = f", glibc {'.'.join(map(str, self.glibc))}" if self.glibc else ""
        system = f"{self.markers['sys_platform']} {self.markers['platform_machine']}"
        return f"Python {self.markers['python_full_version']} on {system}{libc}"


@dataclass(frozen=True)
class Lock:
    """A lock as it was read. header: the key=value pairs of its first line, for example python=3.9."""

    path: str
    entries: tuple
    header: dict = field(default_factory=dict)

    @property
    def depends_on_host(self) -> bool:
        """Whether what counts depends on the host, who must then be asked."""
        raise NotImplementedError

    @property
    def names(self) -> set[str]:
        """The distributions that the lock names, for this host or another."""
        raise NotImplementedError

    def narrow(self, host: Host | None) -> list[Pin]:
        """Return the pins that count on a host, sorted by name. Raises LockFileError where that cannot be."""
        raise NotImplementedError


def read_header(text: str) -> dict[str, str]:
    """Return what the first line of one of our own locks says, or {}."""
    first = _HEADER.match(text.partition("\n")[0])
    return dict(part.partition("=")[::2] for part in first.group(1).split() if "=" in part) if first else {}


def read_text(path: str) -> str:
    """Return a lock's text. Raises LockFileError."""
    try:
        with open(path, encoding="utf-8-sig") as stream:
            return stream.read()
    except (OSError, UnicodeDecodeError) as error:
        raise LockFileError(f"{path}: cannot be read: {error}") from error


def is_sha256(value: str) -> bool:
    """Return whether a text is `sha256:` and 64 hex digits."""
    return bool(_SHA256.match(value))


def is_address(url: str) -> bool:
    """Return whether a text is an address that the host can fetch from."""
    return url.startswith(("https://", "http://", "file:///"))


def version_of_file(url: str) -> str:
    """Return the version in the name of a wheel or source archive, or ''."""
    file = unquote(url.partition("#")[0].partition("?")[0].rpartition("/")[2])
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
    short = ".".join(python_version.split(".")[:2])
    full = python_version if python_version.count(".") > 1 else f"{short}.0"
    environment: dict[str, Any] = {
        "implementation_name": "cpython",
        "implementation_version": full,
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        # Nobody's markers ask for a kernel; empty is what packaging has where it does not know.
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": full,
        "python_version": short,
        "sys_platform": "linux",
    }
    environment.update(found or {})
    return environment
