"""Makes what the tests need of the archives, once, and says where it is."""

from __future__ import annotations

import fcntl
import json
import os

from . import ADDRESS, CACHE, SERVED, MirrorError, archive, debs, recipes


def make(images, say=lambda _text: None, archives=()):
    """Makes the archives' parts for `images` (list of str, names of tests/images; all when it is empty).

    archives: names (list of str) of those that are made, all when it is empty. say: called with a line (str) for what
    takes time. Returns facts (dict, see `facts`).
    """
    every = recipes.parts()
    if unknown := sorted(set(archives) - {part.archive for part in every}):
        known = ", ".join(sorted({part.archive for part in every}))
        raise MirrorError(f"there is no archive {', '.join(unknown)}; there are {known}")
    chosen = [part for part in every if not images or part.image in images]
    if unknown := sorted(set(images) - {part.image for part in chosen}):
        known = ", ".join(sorted({part.image for part in every}))
        raise MirrorError(f"no archive is for {', '.join(unknown)}; there are some for {known}")
    chosen = [part for part in chosen if not archives or part.archive in archives]
    os.umask(0o022)
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        # Two tests may want the same at once: the second one waits, then finds it made.
        fcntl.flock(lock, fcntl.LOCK_EX)
        for part in chosen:
            _make(part, say)
        debs.prune([package for part in every for package in part.packages])
        _write_facts()
    return facts()


def _make(part, say):
    # First of all: a keyring package holds the key, so its recipe has it, too.
    key = archive.key_of(part)
    lacking = debs.lacking(part.packages)
    if lacking:
        wanted = ", ".join(sorted({package.wheels for package in lacking if package.wheels}))
        say(f"{part.folder}: {len(lacking)} packages" + (f", with the wheels of {wanted}" if wanted else ""))
        debs.make(lacking)
    if not archive.is_current(part, key):
        say(f"{part.folder}: repository")
        archive.make(part, key)


def _write_facts():
    """Writes what a test's inventory has to know, to a file that molecule's scenarios read."""
    made = {}
    for part in recipes.parts():
        if not (SERVED / part.folder / ".recipe").exists():
            continue
        key = archive.key_of(part)
        made.setdefault(part.image, {})[part.archive] = {
            "address": f"{ADDRESS}/{part.folder}",
            "key_name": key.name,
            "key_file": str(key.public),
            "fingerprint": key.fingerprint,
        }
    (CACHE / "facts.json").write_text(json.dumps(made, indent=2) + "\n")


def facts():
    """Image -> archive -> `address`, `key_name`, `key_file` and `fingerprint` (dicts), of what has been made."""
    return json.loads((CACHE / "facts.json").read_text())
