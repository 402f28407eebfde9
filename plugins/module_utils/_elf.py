# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a shared library says of itself: its own name, what it needs and where it looks for that. No Ansible import.

Read from the dynamic section as the dynamic linker does (elf(5), System V gABI chapter 5), so that a file's name cannot
deceive, and without running anything. 64-bit little-endian only: what this collection's hosts (x86_64) load.
"""

from __future__ import annotations

import os
import struct

_LOAD, _DYNAMIC = 1, 2  # p_type
_NEEDED, _STRTAB, _SONAME, _RPATH, _RUNPATH = 1, 5, 14, 15, 29  # d_tag
_MOST_HEADERS, _MOST_BYTES = 512, 1024 * 1024  # of a sane library; what has more is not read
_LONGEST = 4096  # bytes of a name or a path


def read_library(path):
    """Return `soname`, `needed` (list), `rpath` and `runpath` (str, '' without one) of the library at `path`.

    None where it cannot be read or is no 64-bit little-endian ELF file with a dynamic section.
    """
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            return _read(stream)
    except (OSError, ValueError, struct.error):
        return None


def _read(stream):
    head = stream.read(64)
    if head[:6] != b"\x7fELF\x02\x01":
        return None
    table, size, count = struct.unpack_from("<Q", head, 32)[0], *struct.unpack_from("<HH", head, 54)
    if size < 56 or count > _MOST_HEADERS:
        return None
    segments = []
    for number in range(count):
        kind, _flags, offset, address, _physical, in_file = struct.unpack_from(
            "<IIQQQQ", _at(stream, table + number * size, 56)
        )
        segments.append((kind, offset, address, in_file))
    dynamic = next((segment for segment in segments if segment[0] == _DYNAMIC), None)
    if not dynamic:
        return None
    data = _at(stream, dynamic[1], dynamic[3])
    tags = [struct.unpack_from("<qQ", data, at) for at in range(0, len(data) - 15, 16)]
    values = dict(reversed(tags))  # the first of a kind counts
    strings = _strings(stream, segments, values)
    return {
        "soname": strings(values.get(_SONAME)),
        "needed": [strings(value) for tag, value in tags if tag == _NEEDED],
        "rpath": strings(values.get(_RPATH)),
        "runpath": strings(values.get(_RUNPATH)),
    }


def _strings(stream, segments, values):
    """Return the function that gives the text at an offset of the string table, '' for None."""
    address = values.get(_STRTAB, 0)
    places = [at + address - start for kind, at, start, size in segments if _is_in(kind, start, size, address)]
    table = places[0] if places else None

    def text(offset):
        if offset is None or table is None:
            return ""
        # The table of a large library has megabytes of symbols' names; the few that are asked for are short.
        return _at(stream, table + offset, _LONGEST).split(b"\0", 1)[0].decode("utf-8", "replace")

    return text


def _is_in(kind, start, size, address):
    return kind == _LOAD and start <= address < start + size


def _at(stream, offset, size):
    if size > _MOST_BYTES:
        raise ValueError("larger than any that is sane")
    stream.seek(offset)
    return stream.read(size)
