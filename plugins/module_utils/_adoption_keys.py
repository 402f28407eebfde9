# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which keys an OpenPGP keyring holds, without gpg, which a host may not have. No Ansible import.

Only what apt's keyring needs: binary packets (RFC 4880, section 4), version 4 public keys (section 12.2).
"""

from __future__ import annotations

import hashlib

#: NVIDIA's keys for its archives, from the vendor's announcement of the change on 2022-04-27: 7fa2af80 until then.
NVIDIA = (
    "AE09FE4BBD223A84B2CCFCE3F60F4B3D7FA2AF80",
    "EB693B3035CD5710E231E123A4B469963BF863CC",
)

_PUBLIC_KEY = 6


def fingerprints(data):
    """Return the fingerprints (upper case) of the primary keys in a binary keyring; what is damaged ends the list."""
    return [
        hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body).hexdigest().upper()
        for tag, body in _packets(data)
        if tag == _PUBLIC_KEY and body[:1] == b"\x04"
    ]


def _packets(data):
    """Yield (tag, body) of each packet up to the first that is not whole."""
    at = 0
    while at < len(data) and data[at] & 0x80:
        tag, start, length = _header(data, at)
        if length is None or start + length > len(data):
            return
        yield tag, data[start : start + length]
        at = start + length


def _header(data, at):
    """Return (tag, where the body starts, its length or None where that is not known)."""
    first = data[at]
    if first & 0x40:
        tag, octet = first & 0x3F, data[at + 1] if at + 1 < len(data) else 255
        if octet < 192:
            return tag, at + 2, octet
        if octet < 224 and at + 2 < len(data):
            return tag, at + 3, ((octet - 192) << 8) + data[at + 2] + 192
        if octet == 255:
            return tag, at + 6, int.from_bytes(data[at + 2 : at + 6], "big")
        return tag, at, None
    size = (1, 2, 4, 0)[first & 3]
    if not size:
        return (first >> 2) & 15, at, None
    return (first >> 2) & 15, at + 1 + size, int.from_bytes(data[at + 1 : at + 1 + size], "big")
