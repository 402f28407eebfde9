# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the dynamic linker finds: its cache as ldconfig wrote it, and the folders that ldconfig is told of.

The cache's layout is glibc's, sysdeps/generic/dl-cache.h: a header of 48 bytes, then entries of 24 (flags, offset of
the name, offset of the path, OS version, hwcap), offsets from the header's start. Until glibc 2.31 an older format
stands before it in the same file. Entries of one name stand in the order in which they are preferred.
"""

from __future__ import annotations

import fnmatch
import os
import re
import struct

from . import _elf, _gpu_bounded, _login_variables
from ._gpu_root import exists, find_program, names, read_bytes, read_text, resolve

CACHE = "/etc/ld.so.cache"
CONF = "/etc/ld.so.conf"
#: Debian's multiarch folders, which its ld.so searches also without a cache, in its order.
DEFAULT_FOLDERS = ("/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib", "/usr/lib")
_MAGIC = b"glibc-ld.so.cache1.1"
_X86_64 = 0x0303  # FLAG_ELF_LIBC6 | FLAG_X8664_LIB64
_LINE = re.compile(r"^\s+(\S+) \(([^)]*)\) => (\S+)\s*$", re.MULTILINE)
_LIBRARY = re.compile(r"lib[^/]+\.so\.[\d.]+\Z")
_MOST_FILES = 500  # of ld.so.conf's includes: nobody has as many, and a loop would


def parse_cache(data):
    """Return (name, path) of each x86_64 library in the bytes of ld.so.cache, in its order; None of no cache."""
    start = data.find(_MAGIC)
    if start < 0:
        return None
    data = data[start:]
    try:
        count = struct.unpack_from("<I", data, 20)[0]
        entries = [struct.unpack_from("<iII", data, 48 + 24 * number) for number in range(count)]
    except struct.error:
        return None
    return [(_text(data, name), _text(data, path)) for flags, name, path in entries if flags == _X86_64]


def parse_listing(text):
    """Return (name, path) of each x86_64 library in what `ldconfig -p` prints, in its order."""
    return [(name, path) for name, kind, path in _LINE.findall(text) if "x86-64" in kind.replace("_", "-")]


def read_cache(root="/"):
    """Return (name, path) of each x86_64 library in the host's cache; None where there is none that can be read."""
    return parse_cache(read_bytes(root, CACHE))


def look(root="/", timeout=10):
    """Return what the dynamic linker of the host below `root` goes by.

    known: (name, path) of what it finds without being told where, in the order of preference; cached: whether that is
    from its cache, and not what ldconfig would find now; folders: those that ldconfig reads; conf: (folder, the file
    that names it); variables: of _login_variables.look; paths: `file` and `folders` of those that set LD_LIBRARY_PATH.
    timeout: seconds for `ldconfig -p`, which is asked where the cache cannot be read.
    """
    variables = _login_variables.look(root)
    known = read_cache(root)
    if known is None:
        program = find_program(root, "ldconfig")
        known = parse_listing(_gpu_bounded.run("ldconfig", [program, "-p"], timeout).text) if program else None
    folders = search_folders(root)
    return {
        "known": known or [(name, f"{folder}/{name}") for folder in folders for name in _libraries(root, folder)],
        "cached": bool(known),
        "folders": folders,
        "conf": conf_folders(root),
        "paths": _login_variables.folders(variables),
        "variables": variables,
    }


def finds(root, loader, name):
    """Tell whether a program of a person who has logged in finds the library `name`. loader: of look."""
    if any(found == name and exists(root, path) for found, path in loader["known"]):
        return True
    return any(exists(root, f"{folder}/{name}") for entry in loader["paths"] for folder in entry["folders"])


def uncached(root, loader, folders):
    """Return (folder, names) of the libraries in those of `folders` that ldconfig reads and that its cache lacks."""
    if not loader["cached"]:
        return []
    # By what the folders really are: the cache may name a library by another of its folder's names.
    known = {(resolve(root, os.path.dirname(path)), name) for name, path in loader["known"]}
    read = {resolve(root, folder) for folder in loader["folders"]}
    seen, found = set(), []
    for folder in folders:
        place = resolve(root, folder)
        if place in seen or place not in read:
            continue
        seen.add(place)
        lacking = [name for name in _libraries(root, folder) if (place, name) not in known]
        lacking = [name for name in lacking if _is_wanted(place, name)]
        if lacking:
            found.append((folder, lacking))
    return found


def _is_wanted(place, name):
    """Whether ldconfig would list it: by the name that the library has for itself, or a link to a longer name."""
    path = os.path.join(place, name)
    elf = _elf.read_library(path)
    if elf:
        return elf["soname"] == name
    return os.path.islink(path) and os.path.basename(os.path.realpath(path)).startswith(name + ".")


def _libraries(root, folder):
    return [name for name in names(root, folder) if _LIBRARY.match(name)]


def conf_folders(root="/"):
    """Return (folder, the file that names it) in the order of ld.so.conf and what it includes (ldconfig(8))."""
    return _folders(root, CONF, [])


def _folders(root, path, seen):
    if path in seen or len(seen) > _MOST_FILES:
        return []
    seen.append(path)
    found = []
    for line in read_text(root, path).splitlines():
        words = line.split("#", 1)[0].replace(",", " ").split()
        if words[:1] == ["include"]:
            for pattern in words[1:]:
                for name in _matching(root, os.path.join(os.path.dirname(path), pattern)):
                    found += _folders(root, name, seen)
        elif words[:1] != ["hwcap"]:
            # `folder=type` is of the libc5 days; ldconfig still takes it.
            found += [(word.split("=", 1)[0].rstrip("/") or "/", path) for word in words if word.startswith("/")]
    return found


def _matching(root, pattern):
    folder, name = os.path.split(pattern)
    return [f"{folder}/{found}" for found in names(root, folder) if fnmatch.fnmatchcase(found, name)]


def search_folders(root="/"):
    """Return the folders that ldconfig reads, each once by what it really is, in the order of preference."""
    found, real = [], set()
    for folder in [folder for folder, _file in conf_folders(root)] + list(DEFAULT_FOLDERS):
        place = resolve(root, folder)
        if place not in real and os.path.isdir(place):
            real.add(place)
            found.append(folder)
    return found


def _text(data, offset):
    end = data.find(b"\0", offset)
    return data[offset : max(end, 0)].decode("utf-8", "replace")
