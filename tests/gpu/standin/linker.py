# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ldconfig finds in a host's folders, in the words of `ldconfig -p` (glibc, elf/ldconfig.c and elf/cache.c)."""

from __future__ import annotations

import fnmatch
import os
import re

#: Debian's own file of the configuration; the last two ldconfig knows by itself.
MULTIARCH = ("/usr/local/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu")
_SYSTEM = ("/lib", "/usr/lib")
_LIBRARY = re.compile(r"(lib|ld-).*\.so")


def put(tree):
    """The configuration as Debian has it; a scenario's own files stand beside it."""
    tree.write("/etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n")
    tree.write("/etc/ld.so.conf.d/libc.conf", "# libc default configuration\n/usr/local/lib\n")
    lines = "".join(f"{folder}\n" for folder in MULTIARCH)
    tree.write("/etc/ld.so.conf.d/x86_64-linux-gnu.conf", f"# Multiarch support\n{lines}")


def listing(tree, sonames):
    """Return the text of `ldconfig -p`. sonames: {where a library really lies on this machine: its own name}."""
    found, seen = [], set()
    for folder in [*_configured(tree), *_SYSTEM]:
        real = os.path.realpath(os.path.dirname(tree.place(f"{folder}/x")))
        if real not in seen:
            seen.add(real)
            found += _in_folder(tree, folder, sonames)
    # The cache is sorted by name, the greatest first; of one name the folder that came first.
    found.sort(key=lambda pair: _sort_key(pair[0]), reverse=True)
    lines = "".join(f"\t{name} (libc6,x86-64) => {path}\n" for name, path in found)
    return f"{len(found)} libs found in cache `/etc/ld.so.cache'\n{lines}"


def _configured(tree):
    folders = []
    for name in tree.names("/etc/ld.so.conf.d"):
        if fnmatch.fnmatch(name, "*.conf"):
            with open(tree.place(f"/etc/ld.so.conf.d/{name}"), encoding="utf-8") as stream:
                folders += [line.strip() for line in stream if line.startswith("/")]
    return [folder for folder in folders if os.path.isdir(os.path.dirname(tree.place(f"{folder}/x")))]


def _in_folder(tree, folder, sonames):
    """The names that ldconfig lists: a library's own, and a link's that leads to one as its developers' link does."""
    known = {}
    for name in tree.names(folder):
        path = tree.place(f"{folder}/{name}")
        soname = sonames.get(tree.end(path))
        if soname and _LIBRARY.match(name):
            developers = os.path.islink(path) and name.endswith(".so") and soname.startswith(name)
            listed = name if developers else soname
            known[listed] = f"{folder}/{listed}"
    return list(known.items())


def _sort_key(name):
    """_dl_cache_libcmp: runs of digits as numbers, all else by the letter."""
    parts = re.split(r"(\d+)", name)
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts if part]
