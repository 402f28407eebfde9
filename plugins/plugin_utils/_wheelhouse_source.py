# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A wheelhouse on the controller: which of its files a host gets, and in which parcels they travel.

230 files sent one by one are 230 times a connection's answer; parcels are few, and small enough for a host's disk.
"""

from __future__ import annotations

import hashlib
import json
import os
import tarfile

SUFFIXES = (".whl", ".tar.gz", ".zip", ".tar.bz2")
PARCEL = 256 << 20  # bytes


class SourceError(ValueError):
    """The directory on the controller cannot be used. The message is one line."""


def read_source(path: str) -> dict[str, dict]:
    """Return {name: {"size": bytes, "sha256": hex}} of the files that hosts get.

    What `./box wheelhouse` made says it itself; in another directory, each wheel and archive is read for its hash.
    Raises SourceError.
    """
    if not os.path.isdir(path):
        raise SourceError(
            f"wheelhouse {path}: no such directory on the controller. Make it where there is a network (./box "
            f"wheelhouse), or say with remote_src (pip_stack_wheelhouse_remote_src) that it is the host's"
        )
    manifest = os.path.join(path, "wheelhouse.json")
    if os.path.exists(manifest):
        return _of_manifest(path, manifest)
    names = sorted(name for name in os.listdir(path) if name.endswith(SUFFIXES))
    if not names:
        raise SourceError(f"wheelhouse {path}: no wheel and no source archive lies in it")
    return {
        name: {"size": os.path.getsize(os.path.join(path, name)), "sha256": _sha256(os.path.join(path, name))}
        for name in names
    }


def _of_manifest(path: str, manifest: str) -> dict[str, dict]:
    try:
        with open(manifest, encoding="utf-8") as stream:
            said = json.load(stream)
        if not said["complete"]:
            raise SourceError(f"wheelhouse {path}: it is not complete; run the same ./box wheelhouse again")
        files = {
            # What is in a folder is for controllers.
            name: {"size": one["size"], "sha256": one["sha256"]}
            for name, one in said["files"].items()
            if os.sep not in name
        }
    except (OSError, KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise SourceError(f"{manifest}: cannot be read: {error}; run the same ./box wheelhouse again") from error
    for name, one in files.items():
        try:
            size = os.path.getsize(os.path.join(path, name))
        except OSError:
            size = -1
        if size != one["size"]:
            raise SourceError(
                f"wheelhouse {path}: {name} is {'not there' if size < 0 else 'damaged'}; run the same ./box wheelhouse "
                f"again"
            )
    return files


def parcels(names: list[str], files: dict[str, dict], most: int = PARCEL) -> list[list[str]]:
    """Return the names in parcels of at most so many bytes, in their order; a larger file travels alone."""
    found: list[list[str]] = []
    room = 0
    for name in names:
        size = files[name]["size"]
        if size > room or not found:
            found.append([])
            room = most
        found[-1].append(name)
        room -= size
    return found


def pack(path: str, names: list[str], archive: str) -> None:
    """Write files of the directory to a tar archive. They are compressed as they are."""
    with tarfile.open(archive, "w") as stream:
        for name in names:
            stream.add(os.path.join(path, name), arcname=name, recursive=False)


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while True:
            part = stream.read(1 << 20)
            if not part:
                return digest.hexdigest()
            digest.update(part)
