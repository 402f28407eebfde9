"""Certificates split out of bundles, and the folder that update-ca-certificates reads."""

from __future__ import annotations

import base64
import hashlib

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _pem

# The first octet says ASN.1 sequence; nothing here looks further.
ONE, TWO = b"\x30" + b"one" * 40, b"\x30" + b"two" * 40


def pem(der, comment=""):
    body = base64.b64encode(der).decode()
    return f"{comment}-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"


def digest(der):
    return hashlib.sha256(der).hexdigest()


def test_a_bundle_is_split_each_certificate_once():
    found = _pem.split(pem(ONE, "# First CA\n") + "subject=Second CA\n" + pem(TWO).replace("\n", "\r\n") + pem(ONE))
    assert list(found) == [digest(ONE), digest(TWO)]
    assert all(len(line) <= 64 for text in found.values() for line in text.splitlines())
    assert _pem.split("".join(found.values())) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no certificate"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "there is no certificate"),
        ("-----BEGIN CERTIFICATE-----\nMIIB\n", "there is no certificate"),
        (pem(ONE) + pem(TWO).replace("R3", "?3"), "certificate 2 is not valid base64"),
        (pem(b"\x04abc"), "certificate 1 is not an X.509 certificate"),
    ],
)
def test_what_is_no_bundle(text, message):
    with pytest.raises(ValueError, match=message):
        _pem.split(text)


def test_the_folder_comes_to_hold_just_the_wanted(tmp_path):
    wanted = _pem.split(pem(ONE) + pem(TWO))
    folder = tmp_path / "mlinabox"
    write, remove = _pem.plan_folder(str(folder), wanted)
    assert len(write) == 2
    assert remove == []
    folder.mkdir()
    for name, text in write.items():
        (folder / name).write_text(text)
    assert _pem.plan_folder(str(folder), wanted) == ({}, [])
    (folder / "old.crt").write_text("x")
    (folder / next(iter(write))).write_text("damaged")
    again, remove = _pem.plan_folder(str(folder), wanted)
    assert len(again) == 1
    assert remove == ["old.crt"]
    assert _pem.plan_folder(str(folder), {})[1] == sorted([*write, "old.crt"])


def test_fingerprints_of_a_file(tmp_path):
    path = tmp_path / "bundle.crt"
    assert _pem.fingerprints_of(str(path)) == set()
    path.write_text("nothing")
    assert _pem.fingerprints_of(str(path)) == set()
    path.write_text(pem(ONE) + pem(TWO))
    assert _pem.fingerprints_of(str(path)) == {digest(ONE), digest(TWO)}
