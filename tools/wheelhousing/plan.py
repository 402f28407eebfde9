# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From locks to files: what the wheelhouse has to hold."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote, urlsplit

from .choice import File, best
from .collection import Pin
from .errors import WheelhouseError
from .index import Index
from .locks import Need

QUESTIONS = 16  # to the index at a time


@dataclass(frozen=True)
class Wanted:
    """A file that the wheelhouse has to hold. folder: below the wheelhouse; hashes: those that the lock allows."""

    folder: str
    file: File
    hashes: tuple[str, ...]
    distribution: str
    version: str

    @property
    def path(self) -> str:
        """Its path below the wheelhouse."""
        return os.path.join(self.folder, self.file.name)


def resolve(needs: Iterable[Need], index: Index) -> list[Wanted]:
    """Return the files that the locks need, each once, sorted by path.

    Raises:
        WheelhouseError: the index does not have a file that the lock allows and its Python takes; all such are named.
    """
    pairs = [(need, python, pin) for need in needs for python, pin in need.pins()]
    indexes = {"": index, **{pin.index: Index(pin.index) for _need, _python, pin in pairs if pin.index}}
    asked = sorted({(pin.index, pin.name) for _need, _python, pin in pairs if not pin.url})
    listed = dict(zip(asked, _together(lambda one: indexes[one[0]].files(one[1]), asked)))
    found: dict[str, Wanted] = {}
    lacking: dict[str, None] = {}
    for need, python, pin in pairs:
        files = [_served_at(pin)] if pin.url else listed[pin.index, pin.name]
        file = files[0] if pin.url else best(files, pin, python)
        if file is None:
            lacking.setdefault(_lack(pin, python, files))
            continue
        wanted = Wanted(need.folder, file, tuple(pin.hashes), pin.name, pin.version)
        same = found.setdefault(wanted.path, wanted)
        if same.file.sha256 != file.sha256:
            raise WheelhouseError(
                f"{pin.source}: {file.name}: another lock wants a file of the same name with another hash, so one "
                f"directory cannot serve both"
            )
    if lacking:
        few = list(lacking)[:5]
        more = f"; and {len(lacking) - 5} more" if len(lacking) > 5 else ""
        raise WheelhouseError(f"{index.address} lacks what the locks need: {'; '.join(few)}{more}")
    return sorted(found.values(), key=lambda wanted: wanted.path)


def unmet(needs: Iterable[Need], files: dict[str, dict[str, Any]]) -> list[str]:
    """Return what of the locks no file is for, such as `six==1.16.0 for Python 3.9`, whatever else says it is whole.

    files: {path below the wheelhouse: {"distribution", "sha256" (hex, '' where nobody knows it yet)}}.
    """
    have: dict[tuple[str, str], list[File]] = {}
    for path, one in files.items():
        folder, name = os.path.split(path)
        have.setdefault((folder, one["distribution"]), []).append(File(name, "", one["sha256"]))
    found = {}
    for need in needs:
        for python, pin in need.pins():
            there = have.get((need.folder, pin.name), [])
            if pin.url:
                there = [one for one in there if not one.sha256 or f"sha256:{one.sha256}" in pin.hashes]
                met = bool(there)
            else:
                met = best(there, pin, python) is not None
            if not met:
                found[f"{pin.name}=={pin.version} for Python {python}"] = None
    return list(found)


def with_sizes(wanted: list[Wanted], index: Index) -> list[Wanted]:
    """Return the same with sizes asked for where the index did not tell them, as its older pages do not."""
    unknown = [one for one in wanted if one.file.size is None]
    sizes = dict(zip(unknown, _together(lambda one: index.size(one.file.url), unknown)))
    return [replace(one, file=replace(one.file, size=sizes[one])) if one in sizes else one for one in wanted]


def _together(action: Callable[[Any], Any], items: list[Any]) -> list[Any]:
    with ThreadPoolExecutor(QUESTIONS) as pool:
        futures = [pool.submit(action, item) for item in items]
        try:
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _served_at(pin: Pin) -> File:
    name = unquote(urlsplit(pin.url).path.rpartition("/")[2])
    # One hash is the rule for an address; of several, the file itself tells which.
    sha256 = pin.hashes[0].partition(":")[2] if len(pin.hashes) == 1 else ""
    return File(name, pin.url, sha256)


def _lack(pin: Pin, python: str, files: list[File]) -> str:
    what = f"{pin.source}: {pin.name}=={pin.version} for Python {python}"
    if not files:
        return f"{what} (it does not know {pin.name})"
    allowed = [file for file in files if f"sha256:{file.sha256}" in pin.hashes]
    if not allowed:
        return f"{what} (none of its {len(files)} files has a hash that the lock allows)"
    return f"{what} (of {', '.join(file.name for file in allowed[:3])} none fits, and there is no source archive)"
