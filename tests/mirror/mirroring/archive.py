"""Makes an archive of packages: the flat kind, where packages and indices lie in one folder."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil

from . import SERVED, keys
from .debs import place
from .programs import run


def digest(part, key):
    """What tells one state of a repository from another (str)."""
    said = [part.folder, part.origin, part.label, key.fingerprint, [package.digest() for package in part.packages]]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def is_current(part, key):
    stamp = SERVED / part.folder / ".recipe"
    return stamp.exists() and stamp.read_text() == digest(part, key)


def make(part, key):
    """Makes the repository of `part` (Part) from the pool, and puts it in the place of the one that is there."""
    folder = SERVED / part.folder
    new = folder.with_name(folder.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    for package in part.packages:
        os.link(place(package), new / package.file)
    # apt needs one hash; the others cost time on a gigabyte.
    hashes = [word for name in ("MD5", "SHA1", "SHA512") for word in ("-o", f"APT::FTPArchive::{name}=false")]
    listing = run("apt-ftparchive", *hashes, "packages", ".", cwd=new)
    (new / "Packages").write_text(listing, encoding="utf-8")
    (new / "Packages.gz").write_bytes(gzip.compress(listing.encode(), mtime=0))
    fields = {"Origin": part.origin, "Label": part.label, "Architectures": "amd64"}
    release = [word for name, value in fields.items() for word in ("-o", f"APT::FTPArchive::Release::{name}={value}")]
    (new / "Release").write_text(run("apt-ftparchive", *release, *hashes, "release", ".", cwd=new), encoding="utf-8")
    key.sign(new / "Release")
    shutil.copyfile(key.public, new / f"{key.name}.pub")
    (new / ".recipe").write_text(digest(part, key))
    old = folder.with_name(folder.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def key_of(part):
    return keys.get(part.key, part.key_sha1)
