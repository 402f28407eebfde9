# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Are the files of an environment still those of its manifest?"""

from __future__ import annotations

import os
import stat

from ._manifest import file_sha256, parse_block, read_blocks, split_row
from ._parallel import map_forked, processors

LEVELS = ("none", "size", "hash")
#: Fewer files than this, small ones, are looked at before another process would have started.
_WORTH_A_PROCESS = 2000


def find_damage(generation, level):
    """Return {distribution: what is wrong, one file named}, '' standing for the environment itself.

    level: none, size (of each file) or hash. Raises ValueError where the manifest cannot be read.
    """
    if level == "none":
        return {}
    blocks = read_blocks(generation)
    damage = {}
    for part in map_forked(lambda chunk: _look(generation, chunk, level), _chunks(blocks, level)):
        for name, (first, count) in part.items():
            before = damage.get(name)
            damage[name] = (before[0], before[1] + count) if before else (first, count)
    return {
        name: first + (f" (and {count - 1} more files)" if count > 1 else "")
        for name, (first, count) in sorted(damage.items())
    }


def _chunks(blocks, level):
    """Deal the blocks out: by their lines for sizes, by the bytes to be read for hashes; the longest first."""
    if level == "size":
        weigh, file = len, 100
    else:
        # Opening a file costs about as much as reading 20 kB of one that is cached.
        def weigh(block):
            return int(block.partition("\n")[0].rpartition("\t")[2]) + 20000 * block.count("\n")

        file = 25000
        blocks = sorted(blocks, key=weigh, reverse=True)
    if sum(map(weigh, blocks)) < _WORTH_A_PROCESS * file:
        return [blocks]
    share = sum(map(weigh, blocks)) // (processors() * 16) + 1
    chunks, weight = [[]], 0
    for block in blocks:
        if weight >= share:
            chunks.append([])
            weight = 0
        chunks[-1].append(block)
        weight += weigh(block)
    return chunks


def _look(generation, blocks, level):
    """Return {distribution: [first finding, how many]} of some blocks."""
    damage = {}
    for block in blocks:
        distribution, folder, _total, rows = parse_block(block)
        path = os.path.join(generation, folder)
        for row in rows:
            found = _damage(path, folder, row, level)
            if found:
                damage.setdefault(distribution, [found, 0])[1] += 1
    return damage


def _damage(path, folder, row, level):
    """Return what is wrong with one file, or ''."""
    name, size, sha256 = split_row(row)
    full = f"{path}/{name}"
    try:
        now = os.lstat(full)
    except OSError:
        return f"{folder}/{name} is missing"
    if size is not None and now.st_size != size:
        return f"{folder}/{name} has {now.st_size} bytes, recorded are {size}"
    if level == "hash" and sha256:
        if not stat.S_ISREG(now.st_mode):
            return f"{folder}/{name} is no file"
        try:
            if file_sha256(full, now.st_size) != sha256:
                return f"{folder}/{name} has another content than recorded"
        except OSError as error:
            return f"{folder}/{name} cannot be read: {error.strerror}"
    return ""
