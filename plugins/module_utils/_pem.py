# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates in PEM files, and a folder of them that update-ca-certificates reads. No Ansible import."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re

_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----\s+(.*?)\s+-----END CERTIFICATE-----", re.DOTALL)
_LINE = 64


def split(text):
    """Return {SHA-256 of the DER form: PEM text} of each certificate in `text`, in its order, each once.

    What stands around them (comments, keys' names) is left out. ValueError when there is no certificate, or one that is
    not base64 of an ASN.1 sequence.
    """
    found = {}
    for number, body in enumerate(_BLOCK.findall(text), 1):
        try:
            der = base64.b64decode("".join(body.split()), validate=True)
        except binascii.Error as error:
            raise ValueError(f"certificate {number} is not valid base64") from error
        if der[:1] != b"\x30":
            raise ValueError(f"certificate {number} is not an X.509 certificate")
        found[hashlib.sha256(der).hexdigest()] = _pem(der)
    if not found:
        raise ValueError("there is no certificate (-----BEGIN CERTIFICATE-----) in it")
    return found


def _pem(der):
    body = base64.b64encode(der).decode("ascii")
    lines = [body[start : start + _LINE] for start in range(0, len(body), _LINE)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


def fingerprints_of(path):
    """Return the SHA-256 fingerprints of the certificates of the file `path`; empty when it is absent or has none."""
    try:
        with open(path, encoding="ascii", errors="replace") as stream:
            return set(split(stream.read()))
    except (OSError, ValueError):
        return set()


def plan_folder(folder, wanted):
    """Return (write, remove): {file name: PEM} to be written to `folder` and the names to be removed from it.

    Then it holds just `wanted` ({fingerprint: PEM}), each in a file of its own, as `openssl rehash` wants it.
    """
    files = {fingerprint[:32] + ".crt": pem for fingerprint, pem in wanted.items()}
    write = {}
    for name, pem in files.items():
        try:
            with open(os.path.join(folder, name), encoding="ascii", errors="replace") as stream:
                same = stream.read() == pem
        except OSError:
            same = False
        if not same:
            write[name] = pem
    present = os.listdir(folder) if os.path.isdir(folder) else []
    return write, sorted(name for name in present if name not in files)
