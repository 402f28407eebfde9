# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lock for another host, as uv says it: which package has no file for this one, and what its files are for.

The sentences are uv 0.13.8's, `uv pip sync --no-build --require-hashes`; the unit tests hold them as they were printed.
"""

from __future__ import annotations

import re

from ._pins import normalize

_TICKED = re.compile(r"`([^`]+)`")
# hint: You require CPython 3.11 (`cp311`), but we only found wheels for `NAME` (v1.0) with the following Python ABI
# tags: `cp312`, ...
_PYTHON = re.compile(r"You require ([^(]+) \(`[^`]+`\), but we only found wheels for `([^`]+)` [^:]*tags?: ([^\n]+)")
# hint: Wheels are available for `NAME` (v1.0) on the following platforms: `win_amd64`, ...
_PLATFORM = re.compile(r"Wheels are available for `([^`]+)` [^:]*platforms?: ([^\n]+)")
_OWN_PLATFORM = re.compile(r"no wheels with a matching platform tag \(e\.g\., `([^`]+)`\)")
# A direct address: the file is named by it, the hint says what it is for.
_ADDRESS = re.compile(r"A URL \((\S+)\) dependency is incompatible with the current platform")
_ADDRESS_FOR = re.compile(r"The wheel is compatible with ([^\n]+?), but you're (?:using|on) ([^\n]+)")
_REQUIRES = re.compile(
    r"current Python version \(([^)]+)\) does not satisfy (Python[^\s]+) and (\S+?)==(\S+) depends on"
)
_ABSENT = re.compile(r"Because (\S+) was not found in the package registry|there is no version of (\S+?)==")
_NOT_LET_IN = re.compile(r"(401 Unauthorized|403 Forbidden)")
_MANYLINUX = re.compile(r"manylinux_(\d+)_(\d+)_(\w+)")

_CURE = "Make a lock for this host"
_CURE_PYTHON = f"{_CURE}, or name such an interpreter with the option python"


def wrong_host(error, pins):
    """Return (normalized name, one line) where uv's words mean that the lock is not for this host, ('', '') elsewhere.

    error: uv's standard error; pins: the lock's.
    """
    found = _PYTHON.search(error)
    if found:
        said = f"no wheel is for this host's {found.group(1)}; they are for {_listed(found.group(3))}. {_CURE_PYTHON}"
        return normalize(found.group(2)), said
    found = _PLATFORM.search(error)
    if found:
        own = _OWN_PLATFORM.search(error)
        said = f"no wheel is for this host{_own(own)}; they are for {_listed(found.group(2))}. "
        return normalize(found.group(1)), said + _platform_cure(own, _TICKED.findall(found.group(2)))
    found = _ADDRESS.search(error)
    if found:
        name = next((pin.name for pin in pins if found.group(1) == pin.url.partition("#")[0]), "")
        hint = _ADDRESS_FOR.search(error)
        what = (
            f"is for {_plain(hint.group(1))}, this host has {_plain(hint.group(2))}" if hint else "is for another host"
        )
        return name, f"the wheel {found.group(1).rpartition('/')[2]} {what}. {_CURE}"
    found = _REQUIRES.search(error)
    if found:
        said = f"is for {found.group(2)}, this host's interpreter is Python {found.group(1)}. {_CURE_PYTHON}"
        return normalize(found.group(3)), said
    return "", ""


def absent(error, pins, index=""):
    """Return (normalized name, one line) where uv's words mean that the index has not what is pinned, or ('', '').

    index: the address of the default index, where one was given.
    """
    found = _ABSENT.search(error)
    if not found:
        return "", ""
    name = normalize(found.group(1) or found.group(2))
    own = next((pin.index for pin in pins if pin.name == name), "")
    where = own or index or "the package index"
    refused = _NOT_LET_IN.search(error)
    if refused:
        return name, f"{where} answers {refused.group(1)}. Put a user and a password that it knows into its address"
    lacks = "has no distribution of that name" if found.group(1) else "has no such version"
    return name, (
        f"{where} {lacks}. Put it there, set network_index_url to an index that has it, or name its own index with the "
        f"option indexes"
    )


def _plain(text):
    return text.replace("`", "").strip()


def _listed(text, most=6):
    found = _TICKED.findall(text)
    return ", ".join(found[:most]) + (f" and {len(found) - most} more" if len(found) > most else "")


def _own(found):
    return f" ({found.group(1)})" if found else ""


def _platform_cure(own, platforms):
    """Return the cure; where only the C library is too old, that is said."""
    mine = _MANYLINUX.match(own.group(1)) if own else None
    theirs = [_MANYLINUX.match(one) for one in platforms]
    if mine:
        for one in theirs:
            if one and one.group(3) == mine.group(3):
                return (
                    f"Its C library, glibc {mine.group(1)}.{mine.group(2)}, is older than the wheels'. Make a lock for "
                    f"this host, or take a newer release of its distribution"
                )
    return _CURE
