"""Makes an archive of packages: the flat kind, where packages and indices lie in one folder, or the one with suites."""

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
    said += [part.suite, part.component] if part.suite else []
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def is_current(part, key):
    stamp = SERVED / part.folder / ".recipe"
    return stamp.exists() and stamp.read_text() == digest(part, key)


def make(part, key):
    """Makes the repository of `part` (Part) from the pool, and puts it in the place of the one that is there."""
    folder = SERVED / part.folder
    new = folder.with_name(folder.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    pool, release, index = _folders(new, part)
    for package in part.packages:
        os.link(place(package), pool / package.file)
    # apt needs one hash; the others cost time on a gigabyte.
    hashes = [word for name in ("MD5", "SHA1", "SHA512") for word in ("-o", f"APT::FTPArchive::{name}=false")]
    listing = run("apt-ftparchive", *hashes, "packages", pool.relative_to(new), cwd=new)
    (index / "Packages").write_text(listing, encoding="utf-8")
    (index / "Packages.gz").write_bytes(gzip.compress(listing.encode(), mtime=0))
    fields = {"Origin": part.origin, "Label": part.label, "Architectures": "amd64"}
    if part.suite:
        fields.update(Suite=part.suite, Codename=part.suite, Components=part.component)
    words = [word for name, value in fields.items() for word in ("-o", f"APT::FTPArchive::Release::{name}={value}")]
    listing = run("apt-ftparchive", *words, *hashes, "release", ".", cwd=release)
    (release / "Release").write_text(listing, encoding="utf-8")
    key.sign(release / "Release")
    shutil.copyfile(key.public, new / f"{key.name}.pub")
    (new / ".recipe").write_text(digest(part, key))
    old = folder.with_name(folder.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _folders(new, part):
    """Makes the folders of packages, of Release and of Packages below `new`; they are one where the archive is flat."""
    if not part.suite:
        new.mkdir(parents=True)
        return new, new, new
    release = new / "dists" / part.suite
    index = release / part.component / "binary-amd64"
    index.mkdir(parents=True)
    pool = new / "pool" / part.component
    pool.mkdir(parents=True)
    return pool, release, index


def key_of(part):
    return keys.get(part.key, part.key_sha1)
