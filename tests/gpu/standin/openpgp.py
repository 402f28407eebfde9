# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A keyring of which only the form is real: public-key packets (RFC 4880) with numbers that nobody has factors of.

NVIDIA's own keys are not ours to copy. What stands for one of them is made from its short name, and a test tells what
reads it that this is that key's fingerprint.
"""

from __future__ import annotations

import hashlib

_MADE = 1466780981  # seconds; a day in June 2016


def keyring(names):
    """Return the bytes of a keyring with a key for each of the names (list of str)."""
    return b"".join(_packet(6, _key(name)) + _packet(13, f"{name} <{name}@example.org>".encode()) for name in names)


def fingerprint(name):
    """Return the fingerprint (40 hexadecimal digits) of the key that keyring() makes for a name."""
    body = _key(name)
    return hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body).hexdigest().upper()


def _key(name):
    number = b"".join(hashlib.sha512(f"{name} {part}".encode()).digest() for part in range(8))
    number = bytes([number[0] | 0x80]) + number[1:-1] + bytes([number[-1] | 1])
    return b"\x04" + _MADE.to_bytes(4, "big") + b"\x01" + _integer(number) + _integer((65537).to_bytes(3, "big"))


def _integer(data):
    return int.from_bytes(data, "big").bit_length().to_bytes(2, "big") + data


def _packet(tag, body):
    return bytes([0x80 | tag << 2 | 1]) + len(body).to_bytes(2, "big") + body
