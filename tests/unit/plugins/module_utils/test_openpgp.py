"""Fingerprints of OpenPGP keys. The key was made for this test by gpg 2.2.40, which also said its fingerprint."""

from __future__ import annotations

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _openpgp

FINGERPRINT = "8BD1C4C221673C29463E69FF36CEBD4445D11853"
KEY = b"""\
-----BEGIN PGP PUBLIC KEY BLOCK-----

mDMEawE4YRYJKwYBBAHaRw8BAQdAM1KNDmlwl1r0zwsym2pVugSJNQ4x/dZFrWLU
bJ4D15C0JkFyY2hpdmUgVGVzdCBLZXkgPGFyY2hpdmVAZXhhbXBsZS5vcmc+iJAE
ExYIADgWIQSL0cTCIWc8KUY+af82zr1ERdEYUwUCawE4YQIbAwULCQgHAgYVCgkI
CwIEFgIDAQIeAQIXgAAKCRA2zr1ERdEYUw+lAP9Z+9WwZxYhbDspJsQTDS4i8MJO
N+UdhT+fq75RhTgEngEAnatI95I8cC8y+z0oboX8pqIJkb5Nmcn9N6uDHeGk1w8=
=QblJ
-----END PGP PUBLIC KEY BLOCK-----
"""


def test_an_armored_key():
    assert _openpgp.is_armored(KEY)
    assert _openpgp.fingerprints(KEY) == [FINGERPRINT]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(KEY.replace(b"\n", b"\r\n"), id="CRLF"),
        pytest.param(
            KEY.replace(b"-----\n\n", b"-----\nVersion: SKS 1.1.6\nComment: Hostname: x\n\n", 1), id="headers"
        ),
        pytest.param(b"text before\n" + KEY + b"text after\n", id="text around"),
        pytest.param(b"\n".join(line for line in KEY.split(b"\n") if not line.startswith(b"=")), id="no checksum"),
    ],
)
def test_armor_as_it_is_found(text):
    assert _openpgp.fingerprints(text) == [FINGERPRINT]


def test_a_binary_key_and_a_ring_of_two():
    packets = _openpgp.dearmor(KEY)
    assert not _openpgp.is_armored(packets)
    assert _openpgp.fingerprints(packets) == [FINGERPRINT]
    assert _openpgp.fingerprints(packets * 2) == [FINGERPRINT] * 2
    assert _openpgp.fingerprints(KEY + KEY) == [FINGERPRINT] * 2


def new_format(tag, body):
    """Return a packet with a header of the new format, whose length has one, two or five octets."""
    size = len(body)
    if size < 192:
        length = bytes([size])
    elif size < 8384:
        length = bytes([((size - 192) >> 8) + 192, (size - 192) & 0xFF])
    else:
        length = b"\xff" + size.to_bytes(4, "big")
    return bytes([0xC0 | tag]) + length + body


@pytest.mark.parametrize("filler", [0, 100, 191, 192, 5000, 9000])
def test_headers_of_the_new_format(filler):
    body = _openpgp.dearmor(KEY)[2 : 2 + 0x33]
    data = new_format(60, b"x" * filler) + new_format(6, body)
    assert _openpgp.fingerprints(data) == [FINGERPRINT]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no OpenPGP public key"),
        (b"<html>not found</html>", "no OpenPGP key"),
        (_openpgp.dearmor(KEY)[:30], "cut off"),
        (_openpgp.dearmor(KEY)[:1], "cut off"),
        (KEY.replace(b"mDME", b"m?ME"), "armor is damaged"),
        (new_format(6, b"\x03" + b"x" * 20), "of version 3"),
        (b"\xc6\xe0", "no fixed length"),
        (b"\x9b\x04", "no fixed length"),
        (new_format(13, b"a user"), "no OpenPGP public key"),
    ],
)
def test_what_is_no_key(data, message):
    with pytest.raises(ValueError, match=message):
        _openpgp.fingerprints(data)


def test_a_fingerprint_is_whole():
    assert _openpgp.normalized("8BD1 C4C2 2167 3C29 463E  69FF 36CE BD44 45D1 1853") == FINGERPRINT
    assert _openpgp.normalized(FINGERPRINT.lower()) == FINGERPRINT
    for text in ("45D11853", "0x" + FINGERPRINT, ""):
        with pytest.raises(ValueError, match="full fingerprint"):
            _openpgp.normalized(text)


def test_armor_of_a_binary_key_is_gpgs_own():
    assert _openpgp.armored(_openpgp.dearmor(KEY)) == KEY
    assert _openpgp.armored(KEY) == KEY


def test_a_ring_loses_just_the_key_that_is_unwanted():
    key, other = _openpgp.dearmor(KEY), new_format(6, b"\x04" + b"o" * 70) + new_format(13, b"somebody")
    damaged = b"\x99\xff\xff\x04"
    for ring in (key + other, other + key, key + other + key):
        assert _openpgp.without(ring, [FINGERPRINT]) == other
    assert _openpgp.without(other + key + damaged, [FINGERPRINT]) == other + damaged
    assert _openpgp.without(_openpgp.armored(key + other), [FINGERPRINT]) == _openpgp.armored(other)
    assert _openpgp.without(other, [FINGERPRINT]) == other
    assert _openpgp.without(b"GPG keybox", [FINGERPRINT]) == b"GPG keybox"
