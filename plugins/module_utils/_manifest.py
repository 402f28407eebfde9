# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The manifest of a generation: its files, as they were when it was proved.

Each RECORD is read once, when the environment is built; later runs read one file instead of hundreds. The manifest also
has what no RECORD knows: the environment's own files, bytecode, and what this collection put in place of a
distribution's own. It is text, a block for each folder of a distribution, so that it can be dealt out to several
processes without being parsed first:

    >DISTRIBUTION<tab>FOLDER<tab>BYTES IN ALL
    NAME<tab>SIZE, or nothing<tab>SHA256 as in RECORD, or nothing

FOLDER is relative to the generation. DISTRIBUTION is empty for the environment's own files.
"""

from __future__ import annotations

import base64
import hashlib
import os

from ._dists import dist_infos, read_record

MANIFEST = os.path.join(".mlinabox", "files.txt")
_FIRST = "mlinabox files 1"
_BLOCK = 1 << 20


class Manifest:
    """Rows by distribution and folder: {distribution: {folder: [row, ...]}}, a row as it stands in the file."""

    def __init__(self):
        self.rows = {}

    def add(self, distribution, folder, name, size=None, sha256=""):
        """Add a file; size in bytes, None where nobody knows. A name that breaks the format is refused: ValueError."""
        if name.startswith(">"):
            # It would begin a block; so written it is the same file.
            name = f"./{name}"
        row = f"{name}\t{'' if size is None else size}\t{sha256}"
        if "\n" in row or row.count("\t") != 2:
            raise ValueError(f"{distribution}: the file name {folder + '/' + name!r} has a line break or a tab")
        self.add_row(distribution, folder, row)

    def add_row(self, distribution, folder, row):
        """Add a file by a row as it stands in a manifest."""
        try:
            self.rows[distribution][folder].append(row)
        except KeyError:
            if "\n" in folder or "\t" in folder:
                raise ValueError(f"{distribution}: the folder name {folder!r} has a line break or a tab") from None
            self.rows.setdefault(distribution, {})[folder] = [row]

    def blocks(self):
        """Yield the blocks as text, without the leading `>`."""
        for distribution, folders in sorted(self.rows.items()):
            for folder, rows in sorted(folders.items()):
                total = sum(int(row.split("\t")[1] or 0) for row in rows)
                yield "\n".join([f"{distribution}\t{folder}\t{total}", *rows])


def write_manifest(generation, manifest):
    """Write it into the generation."""
    with open(os.path.join(generation, MANIFEST), "w", encoding="utf-8", errors="surrogateescape") as stream:
        stream.write(_FIRST)
        for block in manifest.blocks():
            stream.write("\n>" + block)
        stream.write("\n>")


def read_blocks(generation):
    """Return the manifest's blocks, as text. Raises ValueError where it cannot be read or was cut."""
    path = os.path.join(generation, MANIFEST)
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as stream:
            first, *blocks = stream.read().split("\n>")
    except OSError as error:
        raise ValueError(f"{path}: {error}") from error
    if first != _FIRST or not blocks or blocks.pop():
        raise ValueError(f"{path} is not whole")
    return blocks


def parse_block(block):
    """Return (distribution, folder, total size in bytes, rows) of a block. A row: see split_row."""
    head, *rows = block.split("\n")
    distribution, folder, total = head.split("\t")
    return distribution, folder, int(total), rows


def split_row(row):
    """Return (name, size in bytes or None, sha256 or '') of a row."""
    name, size, sha256 = row.split("\t")
    return name, int(size) if size else None, sha256


def add_own_files(manifest, generation):
    """Add the files of a virtual environment that is still empty of distributions."""
    for folder, folders, names in os.walk(generation):
        folders[:] = [name for name in folders if name not in (".mlinabox", "__pycache__")]
        inside = os.path.relpath(folder, generation)
        for name in [*names, *(name for name in folders if os.path.islink(os.path.join(folder, name)))]:
            path = os.path.join(folder, name)
            if os.path.islink(path):
                manifest.add("", inside, name, os.lstat(path).st_size)
            elif name != ".lock":  # uv's, which goes
                manifest.add("", inside, name, os.lstat(path).st_size, file_sha256(path))


def add_distributions(manifest, generation, site, ours=(), waived=()):
    """Add what the distributions in site-packages recorded.

    ours: absolute paths of files that this collection wrote over a distribution's own; waived: paths relative to
    site-packages of files that the wheel itself records wrongly. Both, and files of which RECORD says neither hash nor
    size, are recorded as they are now, so that a later change is still found. Raises ValueError where a RECORD cannot
    be read.
    """
    as_is = {os.path.relpath(os.path.join(site, path), generation) for path in [*ours, *waived]}
    inside = os.path.relpath(site, generation)
    for name, (_version, directory) in dist_infos(site).items():
        for path, sha256, size in read_record(directory):
            if ".." in path or path.startswith(("/", ".")):
                # Few, so these may be slow.
                path = os.path.relpath(os.path.join(site, path), generation)
            else:
                path = f"{inside}/{path}"
            folder, _slash, file = path.rpartition("/")
            if file.endswith(".pyc") and folder.endswith("__pycache__"):
                # Bytecode is compiled here, also what a wheel built from source brought along.
                continue
            if ".data/scripts/" in path and not os.path.lexists(os.path.join(generation, path)):
                # uv installs these under bin and leaves the wheel's own row in RECORD (seen with 0.13.8).
                continue
            # RECORD itself, for one, has neither hash nor size.
            if path in as_is or (size is None and not sha256 and _is_inside(generation, path)):
                full = os.path.join(generation, path)
                sha256, size = file_sha256(full), os.stat(full).st_size
            manifest.add(name, folder, file, size, sha256)


def _is_inside(generation, path):
    """Return whether a path relative to a generation is a plain file of it."""
    full = os.path.join(generation, path)
    return not path.startswith("../") and os.path.isfile(full) and not os.path.islink(full)


def file_sha256(path, size=-1):
    """Return a file's sha256 as RECORD writes it: urlsafe base64 without padding.

    size: in bytes, where the caller knows it; a link is not followed. Raises OSError.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        # A small file costs one read, and no memory beyond its own size.
        value = hashlib.sha256(os.read(descriptor, _BLOCK if size < 0 else min(size + 1, _BLOCK)))
        if not 0 <= size < _BLOCK:
            for block in iter(lambda: os.read(descriptor, _BLOCK), b""):
                value.update(block)
    finally:
        os.close(descriptor)
    return base64.urlsafe_b64encode(value.digest()).rstrip(b"=").decode("ascii")
