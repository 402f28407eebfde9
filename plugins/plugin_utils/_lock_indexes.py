# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From which index each package of a lock comes.

The index that most packages of a lock name is its main one and stands for the default (network_index_url, or uv's own),
so that a company's mirror may serve what was locked elsewhere: hashes say what may be installed. Every other index
serves the packages that name it, and no others. In a tie none is the main one, and each counts as it is named.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from ..module_utils._pins import Pin, normalize
from ._lock_file import LockFileError, is_address


def main_index(named: list[str]) -> str | None:
    """Return the address that most packages name ('' for none), or None in a tie. named: one address a package."""
    counted = Counter(named).most_common(2)
    if not counted or (len(counted) == 2 and counted[0][1] == counted[1][1]):
        return None
    return counted[0][0]


def read_indexes(indexes: list[dict]) -> dict[str, str]:
    """Return {normalized name: address} of the option `indexes`. Raises ValueError with one line."""
    found: dict[str, str] = {}
    for one in indexes:
        if not isinstance(one, dict) or set(one) != {"url", "packages"}:
            raise ValueError(f"indexes: an index is a mapping with url and packages, not {one!r}")
        url = str(one["url"] or "").rstrip("/")
        if not is_address(url):
            raise ValueError(
                f"indexes: {one['url']!r} is no address of an index, such as https://mirror.example.org/simple"
            )
        if not isinstance(one["packages"], list) or not one["packages"]:
            raise ValueError(f"indexes: {url}: packages must be a list of names; an index serves what it is named for")
        for name in one["packages"]:
            name = normalize(str(name))
            if found.get(name, url) != url:
                raise ValueError(f"indexes: {name}: is named for {found[name]} and for {url}. Leave one")
            found[name] = url
    return found


def assign_indexes(pins: list[Pin], wanted: dict[str, str], names: set[str], path: str) -> list[Pin]:
    """Return the pins with the indexes of the option in the place of the lock's own.

    wanted: as read_indexes returns it; names: all that the lock names, on any host; path: the lock's. Raises
    LockFileError.
    """
    unknown = sorted(set(wanted) - names)
    if unknown:
        raise LockFileError(
            f"{path}:1: the option indexes names {', '.join(unknown)}, which the lock has not. Remove it there, or "
            f"make "
            f"the lock anew with it"
        )
    result = []
    for pin in pins:
        if pin.name in wanted:
            if pin.url:
                raise LockFileError(
                    f"{pin.source}: {pin.name}: comes from {pin.url}, so the option indexes cannot say "
                    f"{wanted[pin.name]}. "
                    f"Remove it there"
                )
            pin = replace(pin, index=wanted[pin.name])
        elif pin.index and not is_address(pin.index):
            raise LockFileError(
                f"{pin.source}: {pin.name}: comes from {pin.index}, which is no address that the host can fetch "
                f"from. Say "
                f"with the option indexes where it comes from"
            )
        result.append(pin)
    return result
