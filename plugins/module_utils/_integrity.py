# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Are the files of an environment still those that its distributions recorded?

Each RECORD is read once, when the environment is built, into one manifest; later runs read that one file instead of
hundreds. The manifest also knows the files that this collection put in place of a distribution's own.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os

from ._dists import dist_infos, read_record

MANIFEST = os.path.join(".mlinabox", "files.json")
LEVELS = ("none", "size", "hash")


def file_sha256(path):
    """Return a file's sha256 as RECORD writes it: urlsafe base64 without padding."""
    value = hashlib.sha256()
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            value.update(block)
    return base64.urlsafe_b64encode(value.digest()).rstrip(b"=").decode("ascii")


def make_manifest(generation, site, ours=(), waived=()):
    """Return {distribution: [[path relative to the environment, sha256 or '', size or -1], ...]}.

    ours: absolute paths of files that this collection wrote over a distribution's own; waived: paths relative to
    site-packages of files that the wheel itself records wrongly. Both are recorded as they are now, so that a later
    change is still found. Raises ValueError where a RECORD cannot be read.
    """
    as_is = {os.path.normpath(path) for path in ours} | {os.path.normpath(os.path.join(site, path)) for path in waived}
    manifest = {}
    for name, (_version, directory) in sorted(dist_infos(site).items()):
        rows = []
        for path, sha256, size in read_record(directory):
            full = os.path.normpath(os.path.join(site, path))
            if _is_leftover(path, full):
                continue
            if full in as_is:
                sha256, size = file_sha256(full), os.stat(full).st_size
            rows.append([os.path.relpath(full, generation), sha256, -1 if size is None else size])
        manifest[name] = rows
    return manifest


def _is_leftover(path, full):
    """Return whether a RECORD's row is about no file that a distribution installs.

    uv leaves the rows of scripts that it moved from `<name>.data/scripts` to bin (and adds rows for where they are).
    Bytecode is compiled here, also what a wheel built from source brought along: it is nobody's content.
    """
    return path.endswith(".pyc") or (path.split("/", 1)[0].endswith(".data") and not os.path.lexists(full))


def write_manifest(generation, manifest):
    """Write the manifest into the environment."""
    with open(os.path.join(generation, MANIFEST), "w", encoding="utf-8") as stream:
        json.dump(manifest, stream, separators=(",", ":"))


def read_manifest(generation):
    """Return the environment's manifest. Raises ValueError where it cannot be read."""
    path = os.path.join(generation, MANIFEST)
    try:
        with open(path, encoding="utf-8") as stream:
            return json.load(stream)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error


def find_damage(generation, level, manifest=None):
    """Return {distribution: what is wrong, one file named}. level: none, size (of each file) or hash.

    Raises ValueError where the manifest cannot be read.
    """
    if level == "none":
        return {}
    damage = {}
    for name, rows in (read_manifest(generation) if manifest is None else manifest).items():
        wrong = [text for text in (_file_damage(generation, row, level) for row in rows) if text]
        if wrong:
            damage[name] = wrong[0] + (f" (and {len(wrong) - 1} more files)" if len(wrong) > 1 else "")
    return damage


def _file_damage(generation, row, level):
    path, sha256, size = row
    full = os.path.join(generation, path)
    try:
        now = os.lstat(full)
    except OSError:
        return f"{path} is missing"
    if size >= 0 and now.st_size != size:
        return f"{path} has {now.st_size} bytes, recorded are {size}"
    if level == "hash" and sha256 and file_sha256(full) != sha256:
        return f"{path} has another content than recorded"
    return ""
