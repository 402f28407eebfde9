# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OpenPGP keys and their fingerprints, without gpg: dearmor, walk the packets, hash. No Ansible import.

RFC 4880: 4.2 packets' headers, 6.1 the armor's checksum, 6.2 armor, 12.2 the v4 fingerprint, SHA-1 over 0x99, two
octets of length, and the body of the public-key packet. RFC 9580, 5.5.4.3: v6, SHA-256 over 0x9B, four octets of
length, and the body.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

_PUBLIC_KEY = 6
_BEGIN, _END = b"-----BEGIN PGP PUBLIC KEY BLOCK-----", b"-----END PGP PUBLIC KEY BLOCK-----"
_ARMOR = re.compile(_BEGIN + rb"[ \t]*\r?\n(.*?)" + _END, re.DOTALL)
_LINE = 64
_ENDLESS = "a packet of it has no fixed length, which keys do not have"


def fingerprints(data):
    """Return the fingerprints (capital hexadecimal) of the primary keys in `data`, a key file, armored or not.

    ValueError when it is no OpenPGP key.
    """
    found = [_fingerprint(body) for tag, body, _raw in _packets(dearmor(data)) if tag == _PUBLIC_KEY]
    if not found:
        raise ValueError("there is no OpenPGP public key in it")
    return found


def readable_fingerprints(data):
    """Return the fingerprints of those primary keys in a keyring that can be told; what is damaged ends the list."""
    return [fingerprint for fingerprint, _raw in _keys(data) if fingerprint]


def without(data, unwanted):
    """Return a keyring without the keys whose fingerprints are in `unwanted`, armored where `data` is."""
    kept = b"".join(raw for fingerprint, raw in _keys(data) if fingerprint not in unwanted)
    return armored(kept) if is_armored(data) else kept


def is_armored(data):
    """Tell whether `data` is armored, which apt tells by the suffix .asc."""
    return b"-----BEGIN PGP" in data


def armored(data):
    """Return the packets `data` in armor; `data` itself where it is armored already."""
    if is_armored(data):
        return data
    body = base64.b64encode(data)
    lines = [body[start : start + _LINE] for start in range(0, len(body), _LINE)]
    checksum = b"=" + base64.b64encode(_crc24(data).to_bytes(3, "big"))
    return b"\n".join([_BEGIN, b"", *lines, checksum, _END, b""])


def dearmor(data):
    """Return the packets of `data`; those of all its armored blocks, or `data` itself when it is not armored."""
    if not is_armored(data):
        return data
    packets = b""
    for block in _ARMOR.findall(data):
        lines = block.replace(b"\r", b"").split(b"\n")
        # Headers such as `Version:` end with an empty line; without one there are none.
        start = lines.index(b"") + 1 if b"" in lines and any(b": " in line for line in lines[: lines.index(b"")]) else 0
        # The line with `=` is a checksum that RFC 9580 wants ignored.
        body = b"".join(line.strip() for line in lines[start:] if not line.startswith(b"="))
        try:
            packets += base64.b64decode(body, validate=True)
        except binascii.Error as error:
            raise ValueError("its armor is damaged") from error
    return packets


def normalized(fingerprint):
    """Return a fingerprint as fingerprints() writes it. ValueError when it has not 40 (v4) or 64 (v6) digits."""
    text = "".join(fingerprint.split()).upper()
    if not re.match(r"(?:[0-9A-F]{40}|[0-9A-F]{64})\Z", text):
        raise ValueError(f"{fingerprint!r} is no full fingerprint; short key ids can be forged")
    return text


def _keys(data):
    """Yield (fingerprint or '', packets) of each primary key with all that belongs to it, up to what is damaged.

    What stands before the first key, and a damaged rest, has no fingerprint.
    """
    fingerprint, raw, read = "", b"", 0
    try:
        data = dearmor(data)
        for tag, body, packet in _packets(data):
            if tag == _PUBLIC_KEY:
                if raw:
                    yield fingerprint, raw
                raw = b""
                fingerprint = _fingerprint(body) if body[:1] in (b"\x04", b"\x06") else ""
            raw += packet
            read += len(packet)
    except ValueError:
        pass
    if raw:
        yield fingerprint, raw
    if data[read:]:
        yield "", data[read:]


def _fingerprint(body):
    if body[:1] == b"\x04":
        return hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body).hexdigest().upper()
    if body[:1] == b"\x06":
        return hashlib.sha256(b"\x9b" + len(body).to_bytes(4, "big") + body).hexdigest().upper()
    raise ValueError(f"its key is of version {body[0] if body else '?'}; 4 and 6 are known")


def _packets(data):
    """Yield (tag, body, the whole packet)."""
    at = 0
    while at < len(data):
        head, begin = data[at], at
        if not head & 0x80:
            raise ValueError("it is no OpenPGP key")
        try:
            tag, length, at = _new_header(data, at) if head & 0x40 else _old_header(data, at)
        except IndexError:
            raise ValueError("it is cut off") from None
        if at + length > len(data):
            raise ValueError("it is cut off")
        yield tag, data[at : at + length], data[begin : at + length]
        at += length


def _new_header(data, at):
    tag, first = data[at] & 0x3F, data[at + 1]
    if first < 192:
        return tag, first, at + 2
    if first < 224:
        return tag, ((first - 192) << 8) + data[at + 2] + 192, at + 3
    if first == 255:
        return tag, int.from_bytes(data[at + 2 : at + 6], "big"), at + 6
    raise ValueError(_ENDLESS)


def _old_header(data, at):
    tag, kind = (data[at] >> 2) & 0x0F, data[at] & 0x03
    if kind == 3:
        raise ValueError(_ENDLESS)
    size = 1 << kind
    data[at + size]  # IndexError when the header itself is cut off
    return tag, int.from_bytes(data[at + 1 : at + 1 + size], "big"), at + 1 + size


def _crc24(data):
    crc = 0xB704CE
    for octet in data:
        crc ^= octet << 16
        for _bit in range(8):
            crc = (crc << 1) ^ (0x1864CFB if crc & 0x800000 else 0)
    return crc & 0xFFFFFF
