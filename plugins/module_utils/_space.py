# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Is there room for a build, before it begins?"""

from __future__ import annotations

import os

from ._manifest import parse_block, read_blocks

_MIB = 1 << 20


def existing_parent(path):
    """Return the nearest directory at or above path that exists."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def free_mib(path):
    """Return what an ordinary program may still write on path's file system, in MiB."""
    found = os.statvfs(existing_parent(path))
    return found.f_bavail * found.f_frsize // _MIB


def same_file_system(path, other):
    """Return whether two paths, or what of them exists, are on one file system."""
    return os.stat(existing_parent(path)).st_dev == os.stat(existing_parent(other)).st_dev


def lacking(needs):
    """Return one line that names the first file system with too little room, or ''. needs: {path: MiB}.

    What lies on one file system is added up.
    """
    done = []
    for path in needs:
        if any(same_file_system(path, other) for other in done):
            continue
        done.append(path)
        need = sum(mib for other, mib in needs.items() if same_file_system(path, other))
        free = free_mib(path)
        if need > free:
            return f"{existing_parent(path)} has {free} MiB free, and {need} MiB are needed"
    return ""


def recorded_mib(generation):
    """Return what the files of a generation take, in MiB, by its manifest; 0 where it cannot be read."""
    try:
        return sum(parse_block(block)[2] for block in read_blocks(generation)) // _MIB
    except ValueError:
        return 0


def needed_mib(whole, steps, pins):
    """Return what a build needs, in MiB: of the whole environment's size, the share of the packages that change.

    Unchanged packages are links into uv's cache. Bytecode is not shared, hence the quarter that is always counted.
    """
    if not pins:
        return 0
    changed = sum(1 for step in steps if step.action != "remove")
    return int(whole * max(0.25, min(1.0, changed / len(pins))))


def shortage(path, whole, steps, pins):
    """Return one line that says what lacks, or '' where there is room. whole: MiB, 0 where nobody knows."""
    need, free = needed_mib(whole, steps, pins), free_mib(path)
    if need <= free:
        return ""
    return (
        f"{existing_parent(path)} has {free} MiB free, this build needs about {need} MiB. Free some, keep fewer "
        f"generations, or put the root directory on a larger file system"
    )
