# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NVIDIA's archives in apt's sources, and the keys that they are read with.

NVIDIA changed its key in 2022 (NVIDIA/cuda-repo-management#4), and Debian 13 has one of its own: its apt takes no key
that is bound with SHA-1 (#34, #39). apt refuses to work at all where one archive stands in two sources with different
keys. sources.list(5), apt-secure(8).
"""

from __future__ import annotations

import re

from . import _apt_sources, _nvidia_keys, _openpgp
from ._gpu_codes import finding
from ._gpu_root import exists, names, read_bytes, read_text

_FOLDER = "/etc/apt/sources.list.d"
_TRUSTED = "/etc/apt/trusted.gpg"
_RELEASE = re.compile(r"/repos/((?:debian|ubuntu)\d+)/")


def look(root="/"):
    """Return `release` ('debian13'), `sources` (NVIDIA's) and `trusted` (files of keys that count for every archive).

    sources: dicts with `file`, `address`, `release` (of the archive, or ''), `signed_by` (paths; [] where every trusted
    key counts; None where the key stands in the source itself) and `keys`, what those paths hold: dicts with `path`,
    `there`, `fingerprints`. trusted: dicts of the same kind.
    """
    trusted = [_TRUSTED, *(f"{_TRUSTED}.d/{name}" for name in names(root, f"{_TRUSTED}.d"))]
    return {
        "release": _host_release(read_text(root, "/etc/os-release")),
        "sources": [_with_keys(root, source) for source in _sources(root) if _is_nvidias(source["address"])],
        "trusted": [_keyring(root, path) for path in trusted if path.endswith((".gpg", ".asc"))],
    }


def _sources(root):
    """`file`, `address` and `signed_by` of each source that is not switched off."""
    for file in ["/etc/apt/sources.list", *(f"{_FOLDER}/{name}" for name in names(root, _FOLDER))]:
        parse = _apt_sources.parse_deb822 if file.endswith(".sources") else _apt_sources.parse_list
        for entry in parse(read_text(root, file)) if file.endswith((".list", ".sources")) else ():
            keys = entry["signed_by"]
            signed_by = None if "BEGIN PGP" in keys else keys.replace(",", " ").split()
            yield {"file": file, "address": entry["uri"], "signed_by": signed_by}


def _is_nvidias(address):
    return bool(
        _nvidia_keys.ARCHIVE.search(address)
        or _nvidia_keys.CONTAINER_ARCHIVE.search(address)
        or "/compute/cuda/repos/" in address
    )


def _with_keys(root, source):
    release = _RELEASE.search(source["address"])
    paths = [path for path in source["signed_by"] or () if path.startswith("/")]
    return {
        **source,
        "release": release.group(1) if release else "",
        "keys": [_keyring(root, path) for path in paths],
    }


def _keyring(root, path):
    return {
        "path": path,
        "there": exists(root, path),
        "fingerprints": _openpgp.readable_fingerprints(read_bytes(root, path, 16 * 1024 * 1024)),
    }


def _host_release(text):
    fields = dict(re.findall(r'^(ID|VERSION_ID)="?([^"\n]*)"?', text, re.MULTILINE))
    return (fields.get("ID", "") + fields.get("VERSION_ID", "")).replace(".", "")


def judge(seen):
    """Return the findings of what look saw."""
    sources = [one for source in seen["sources"] for one in _of_source(seen, source)]
    return [*_conflicts(seen), *sources, *_trusted(seen)]


def _conflicts(seen):
    ways = {}
    for source in seen["sources"]:
        place = re.sub(r"^\w+://", "", source["address"]).rstrip("/")
        signed_by = source["signed_by"]
        ways.setdefault(place, {}).setdefault("itself" if signed_by is None else " ".join(signed_by), source["file"])
    for place, files in ways.items():
        if len(files) > 1:
            one, other = list(files.values())[:2]
            yield finding(
                "apt-sources-conflict",
                f"{one} and {other} name {place} with different keys (Signed-By), and apt refuses to work at all.",
                f"Move {one} or {other} away; the playbook site (role adoption) moves what is not its own aside.",
            )


def _of_source(seen, source):
    where = f"{source['address']} ({source['file']})"
    for key in source["keys"]:
        if not key["there"]:
            yield finding(
                "apt-key-missing",
                f"The key {key['path']} of {where} is not there, and apt refuses the archive.",
                "Fetch the key again: the playbook site (role cuda) installs it and checks its fingerprint.",
            )
            return
        if not key["fingerprints"]:
            yield finding(
                "apt-key-unreadable",
                f"{key['path']}, the key of {where}, holds no OpenPGP key that apt can read.",
                "Fetch the key again: the playbook site (role cuda) installs it and checks its fingerprint.",
            )
            return
    yield from _of_release(seen, source, where)


def _of_release(seen, source, where):
    """What key NVIDIA signs an archive with is known of NVIDIA's own; a mirror may sign with its own."""
    if not source["release"] or not _nvidia_keys.ARCHIVE.search(source["address"]):
        return
    host, release = seen["release"], source["release"]
    if host == "debian13" and release != host:
        yield finding(
            "apt-key-wrong",
            f"{where} is NVIDIA's archive for {release}, signed with a key that Debian 13's apt refuses since February "
            "2026 (SHA-1).",
            "Take NVIDIA's archive for debian13, whose key is 8793F200, with the playbook site (role cuda).",
        )
        return
    name = "8793F200" if release == "debian13" else "3bf863cc"
    rings = source["keys"] or (seen["trusted"] if source["signed_by"] == [] else [])
    keys = {fingerprint for ring in rings for fingerprint in ring["fingerprints"]}
    keys |= {key.upper() for key in source["signed_by"] or () if re.match(r"[0-9A-Fa-f]{40}!?\Z", key)}
    if source["signed_by"] is not None and _nvidia_keys.FINGERPRINTS[name] not in keys:
        revoked = _nvidia_keys.FINGERPRINTS["7fa2af80"] in keys
        other = ", ".join(sorted(key[-8:].lower() for key in keys)) or "none at all"
        yield finding(
            "apt-key-revoked" if revoked else "apt-key-wrong",
            f"{where} is read with the key 7fa2af80, which NVIDIA withdrew in 2022; it is signed with {name}."
            if revoked
            else f"{where} is signed with the key {name}, and read with {other}.",
            f"The playbook site (role cuda) installs the right one, {name}, and checks its fingerprint.",
        )
    elif host and release != host:
        yield finding(
            "apt-source-of-another-release",
            f"{where} is NVIDIA's archive for {release}, and this host is {host}.",
            f"Take the archive for {host} with the playbook site (role cuda).",
        )


def _trusted(seen):
    for ring in seen["trusted"]:
        known = [name for name, key in _nvidia_keys.FINGERPRINTS.items() if key in ring["fingerprints"]]
        if known:
            yield finding(
                "apt-key-for-everything",
                f"{ring['path']} holds NVIDIA's key {', '.join(known)}, which can sign packages of every archive.",
                f"Delete it with `apt-key del {known[0]}`, or let the playbook site (role adoption) move it aside.",
            )
