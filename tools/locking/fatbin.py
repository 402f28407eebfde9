# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What GPU code a library holds: NVIDIA's fat binaries in it, read as it is unpacked.

A fat binary is a container: a header and entries, each with the code of one kernel file for one architecture. nvcc
puts them one after another into the section .nv_fatbin, so that a library has one for each file of kernels. NVIDIA
documents it nowhere; the fields below were read off what nvcc 13.0 makes for each of its targets, and off the
libraries of CUDA 10.2 to 13 (tests/unit/tools/test_fatbin.py has both). All numbers are little-endian.

    header    u32 0xBA55ED50, u16 version (1), u16 size of the header (16), u64 size of what follows
    entry     u16 kind (1 PTX, 2 machine code), u16, u32 size of the entry's header, u64 size of its code,
              u32, u32, u16 minor, u16 major version (of PTX: its ISA's), u32 architecture (86 is 8.6), ...
              at 40: u64 flags (bit 20: for this architecture alone, `a`; bit 21: for its family, `f`)
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

MAGIC = struct.pack("<I", 0xBA55ED50)
HEADER = struct.Struct("<IHHQ")
ENTRY = struct.Struct("<HHIQIIHHI8xQ")  # 48 bytes of at least 64
PTX, MACHINE = 1, 2
ONE_ALONE, FAMILY = 1 << 20, 1 << 21
# What another architecture's code and a constant in a program never look like.
LARGEST_HEADER, OLDEST, NEWEST = 4096, 20, 199

PART = 1 << 20


@dataclass(frozen=True)
class Code:
    """One entry: `architecture` as _gpu_targets spells it (8.6, 9.0a, 8.0+PTX), and of PTX the version of its ISA."""

    architecture: str
    isa: tuple[int, int] | None = None


class Reader:
    """A stream that is only read forwards, with a look ahead."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._buffer = bytearray()
        #: Where in the stream the buffer begins.
        self.at = 0

    def peek(self, size: int) -> bytes:
        """Return the next bytes without passing them, fewer at the end."""
        while len(self._buffer) < size:
            part = self._stream.read(max(PART, size - len(self._buffer)))
            if not part:
                break
            self._buffer += part
        return bytes(self._buffer[:size])

    def skip(self, size: int) -> None:
        """Pass bytes."""
        while size > 0 and self.peek(1):
            passed = min(size, len(self._buffer))
            del self._buffer[:passed]
            self.at += passed
            size -= passed

    def find(self, magic: bytes, alignment: int) -> bool:
        """Pass what is before the next `magic` at a multiple of `alignment`; False, at the end, where there is none."""
        while self.peek(PART):
            found = self._buffer.find(magic)
            while found >= 0 and (self.at + found) % alignment:
                found = self._buffer.find(magic, found + 1)
            if found >= 0:
                self.skip(found)
                return True
            # It may begin at the end of this part.
            self.skip(max(1, len(self._buffer) - len(magic) + 1))
        return False


def containers(stream: BinaryIO) -> Iterator[tuple[Code, ...]]:
    """Yield what each fat binary of a library holds, in the library's order."""
    reader = Reader(stream)
    while reader.find(MAGIC, 8):
        _magic, version, header, size = HEADER.unpack(reader.peek(HEADER.size).ljust(HEADER.size, b"\0"))
        found: list[Code] = []
        if version != 1 or header != HEADER.size or not _entry(reader.peek(HEADER.size + 64)[HEADER.size :]):
            reader.skip(8)  # the magic number as a constant of a program
            continue
        reader.skip(header)
        end = reader.at + size
        while reader.at + 64 <= end:
            entry = _entry(reader.peek(64))
            if entry is None:
                break
            code, length = entry
            found += [code] if code else []
            reader.skip(length)
        yield tuple(found)


def _entry(data: bytes) -> tuple[Code | None, int] | None:
    """Return what an entry is (None: of another kind) and its length; None where this is no entry."""
    if len(data) < 64:
        return None
    kind, _u, header, size, _u, _u, minor, major, architecture, flags = ENTRY.unpack_from(data)
    if not 64 <= header <= LARGEST_HEADER or not OLDEST <= architecture <= NEWEST:
        return None
    suffix = "a" if flags & ONE_ALONE else "f" if flags & FAMILY else ""
    name = f"{architecture // 10}.{architecture % 10}{suffix}"
    code = {PTX: Code(f"{name}+PTX", (major, minor)), MACHINE: Code(name)}.get(kind)
    return code, header + size


def usual(found: list[tuple[Code, ...]]) -> tuple[str, ...]:
    """Return the architectures that most of a library's fat binaries hold, in order.

    Some hold less on purpose (kernels for newer GPUs alone), those of a library that was linked in may hold more.
    """
    sets = Counter(frozenset(code.architecture for code in one) for one in found if one)
    if not sets:
        return ()
    most = max(sets.values())
    best = max((one for one, count in sets.items() if count == most), key=len)
    return tuple(sorted(best, key=order))


def order(architecture: str) -> tuple[tuple[int, ...], bool, str]:
    """Return the key by which architectures are listed: 5.0, 8.0, 8.0+PTX, 10.0."""
    number = architecture.split("+")[0].rstrip("af")
    return tuple(int(part) for part in number.split(".")), architecture.endswith("+PTX"), architecture
