# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host's copy of the controller's wheelhouse: what lacks, what arrives in parcels, what is wanted no more.

A record in the directory says what was brought. Only that is ever removed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile

#: Of another name than what `./box wheelhouse` itself writes: that one's files are somebody's own, also at this place.
RECORD = "brought.json"
PARTIAL = ".part-"
_SPARE = 64 << 20  # bytes that stay free


class CopyError(ValueError):
    """The copy cannot be made. The message is one line."""


class WheelhouseCopy:
    """The directory on this host."""

    def __init__(self, path):
        """path: absolute."""
        self.path = path
        self.record = self._read_record()

    def _read_record(self):
        """Return {name: {"size": bytes, "sha256": hex}} of what was brought."""
        try:
            with open(os.path.join(self.path, RECORD), encoding="utf-8") as stream:
                found = json.load(stream)["files"]
        except (OSError, ValueError, KeyError, TypeError):
            return {}
        return found if isinstance(found, dict) else {}

    def lacking(self, files):
        """Return the names of what must be brought, sorted. files: {name: {"size", "sha256"}} of the controller's."""
        return sorted(
            name for name, one in files.items() if self.record.get(name) != one or not self._is_here(name, one)
        )

    def _is_here(self, name, one):
        # Its content was held against its hash when it came, and will be by uv: here its size tells enough.
        try:
            status = os.lstat(os.path.join(self.path, name))
        except OSError:
            return False
        return status.st_size == one["size"]

    def stale(self, files):
        """Return the names of what was brought once and is wanted no more, sorted."""
        return sorted(name for name in self.record if name not in files)

    def require_space(self, files, parcel):
        """Raise CopyError where the disk has no room for files and a parcel of them. parcel: bytes."""
        needed = sum(files[name]["size"] for name in self.lacking(files))
        place = self.path
        while not os.path.isdir(place):
            place = os.path.dirname(place)
        free = shutil.disk_usage(place).free
        if needed and needed + min(parcel, needed) + _SPARE > free:
            raise CopyError(
                f"wheelhouse {self.path}: too little disk space: {needed >> 20} MiB are to come, {free >> 20} MiB are "
                f"free. Free some, or mount the wheelhouse (pip_stack_wheelhouse_remote_src: true)"
            )

    def prepare(self, files):
        """Make the directory, and remove what is wanted no more and what a killed run left half."""
        os.makedirs(self.path, mode=0o755, exist_ok=True)
        half = [name for name in os.listdir(self.path) if name.startswith(PARTIAL)]
        self._remove(self.stale(files) + half)

    def take_archive(self, archive, files):
        """Take the files in a tar archive. Raises CopyError where one is not what the controller has."""
        try:
            with tarfile.open(archive) as opened:
                for member in opened:
                    if member.name not in files or not member.isreg():
                        raise CopyError(
                            f"wheelhouse {self.path}: the parcel holds {member.name!r}, which is not wanted"
                        )
                    with opened.extractfile(member) as stream:
                        self._take(member.name, stream, files[member.name])
        except tarfile.TarError as error:
            raise CopyError(f"wheelhouse {self.path}: the parcel is damaged: {error}. Run again") from error

    def take_file(self, path, name, files):
        """Take one file that lies at path."""
        with open(path, "rb") as stream:
            self._take(name, stream, files[name])

    def _take(self, name, stream, wanted):
        target = os.path.join(self.path, name)
        beside = os.path.join(self.path, PARTIAL + name)
        digest, size = hashlib.sha256(), 0
        with open(beside, "wb") as written:
            for part in iter(lambda: stream.read(1 << 20), b""):
                written.write(part)
                digest.update(part)
                size += len(part)
        if (size, digest.hexdigest()) != (wanted["size"], wanted["sha256"]):
            os.unlink(beside)
            raise CopyError(
                f"wheelhouse {self.path}: {name} is not what wheelhouse.json on the controller says, by hash. Mend "
                f"it there (the same ./box wheelhouse again), then run again"
            )
        os.chmod(beside, 0o644)
        os.rename(beside, target)
        self.record[name] = dict(wanted)
        self._write_record()

    def remove(self):
        """Remove all that was brought, and the directory where nothing else is in it."""
        if os.path.isdir(self.path):
            self._remove([*self.record, RECORD, *(n for n in os.listdir(self.path) if n.startswith(PARTIAL))])
            if not os.listdir(self.path):
                os.rmdir(self.path)

    def _remove(self, names):
        known = len(self.record)
        for name in names:
            path = os.path.join(self.path, name)
            if os.path.lexists(path):
                os.unlink(path)
            self.record.pop(name, None)
        if len(self.record) != known and RECORD not in names:
            self._write_record()

    def _write_record(self):
        beside = os.path.join(self.path, PARTIAL + RECORD)
        with open(beside, "w", encoding="utf-8") as stream:
            json.dump({"format": 1, "files": self.record}, stream, indent=1, sort_keys=True)
        os.chmod(beside, 0o644)
        os.rename(beside, os.path.join(self.path, RECORD))
