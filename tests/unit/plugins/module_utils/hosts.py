# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host that never was, laid out as a folder, for the tests of what looks at one."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import pytest

GCC = shutil.which("gcc")
needs_gcc = pytest.mark.skipif(not GCC, reason="no gcc here to make a library with")


def link(target):
    """What stands for a link in lay_out."""
    return ("link", target)


def lay_out(root, files):
    """Write files ({absolute path on the host: text, bytes, link(target), or None for a folder}); returns root as str.

    A text that begins with `#!` becomes a program.
    """
    for path, content in files.items():
        place = Path(root) / path.lstrip("/")
        if content is None:
            place.mkdir(parents=True, exist_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, tuple):
            place.symlink_to(content[1])
        elif isinstance(content, bytes):
            place.write_bytes(content)
        else:
            place.write_text(content, encoding="utf-8")
            if content.startswith("#!"):
                place.chmod(0o755)
    return str(root)


def library(soname, needed=(), runpath=""):
    """The bytes of a 64-bit library that says so of itself in its dynamic section, and has nothing else."""
    strings, places = b"\0", {}
    for text in [soname, *needed, runpath]:
        if text:
            places[text] = len(strings)
            strings += text.encode() + b"\0"
    head, header = 64, 56
    start = head + 2 * header
    tags = [(1, places[name]) for name in needed] + [(14, places[soname])]
    tags += [(29, places[runpath])] if runpath else []
    tags += [(5, start), (10, len(strings)), (0, 0)]
    dynamic = b"".join(struct.pack("<qQ", *tag) for tag in tags)
    whole = start + len(strings) + len(dynamic)
    elf = b"\x7fELF\x02\x01\x01" + b"\0" * 9
    elf += struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, head, 0, 0, head, header, 2, 0, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 4, 0, 0, 0, whole, whole, 4096)
    at = start + len(strings)
    segment = struct.pack("<IIQQQQQQ", 2, 4, at, at, at, len(dynamic), len(dynamic), 8)
    return elf + load + segment + strings + dynamic


def cache(entries):
    """The bytes of an ld.so.cache (glibc 2.32 and newer) with (name, path) entries for x86_64."""
    head = 48 + 24 * len(entries)
    strings, rows = b"", b""
    for name, path in entries:
        at = head + len(strings)
        strings += name.encode() + b"\0" + path.encode() + b"\0"
        rows += struct.pack("<iIIIQ", 0x303, at, at + len(name) + 1, 0, 0)
    return b"glibc-ld.so.cache1.1" + struct.pack("<II", len(entries), len(strings)) + b"\0" * 20 + rows + strings
