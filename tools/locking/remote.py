# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file on an index, read in parts: a wheel has gigabytes, and what is asked of it may be one small member."""

from __future__ import annotations

import http.client
import io
from collections.abc import Callable

from wheelhousing.index import Index

from .names import LockError

#: The table at a wheel's end is small; what is read on and on comes in larger parts.
FIRST, LARGEST = 1 << 16, 1 << 21


class RemoteFile(io.RawIOBase):
    """A file of known size that is read with `part`, which returns the bytes from one place up to another."""

    def __init__(self, part: Callable[[int, int], bytes], size: int) -> None:
        super().__init__()
        self._part = part
        self._size = size
        self._at = 0
        self._start, self._data = 0, b""
        self._step = FIRST

    def readable(self) -> bool:
        """See io.IOBase."""
        return True

    def seekable(self) -> bool:
        """See io.IOBase."""
        return True

    def tell(self) -> int:
        """See io.IOBase."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """See io.IOBase."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: memoryview) -> int:
        """See io.RawIOBase."""
        if self._at >= self._size or not len(buffer):
            return 0
        end = self._start + len(self._data)
        if not self._start <= self._at < end:
            self._step = min(self._step * 2, LARGEST) if self._at == end else FIRST
            self._start = self._at
            self._data = self._part(self._at, min(self._at + self._step, self._size))
        offset = self._at - self._start
        data = self._data[offset : offset + len(buffer)]
        if not data:
            raise LockError("the index served less of a file than it has")
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def opened(index: Index, url: str, size: int | None) -> io.BufferedReader:
    """Return a file that an index serves, to be read in parts; LockError or WheelhouseError where that cannot be."""
    size = size or index.size(url)
    if size is None:
        raise LockError(f"{url}: the index does not tell its size, so it cannot be read in parts")

    def part(start: int, end: int) -> bytes:
        try:
            return index.part(url, start, end)
        except (OSError, http.client.HTTPException) as error:
            raise LockError(index.why(url, error)) from error

    return io.BufferedReader(RemoteFile(part, size), FIRST)
