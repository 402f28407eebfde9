# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NVIDIA's sources in apt and their keys. The keys are NVIDIA's by their fingerprints alone, which a test pretends."""

from __future__ import annotations

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _doctor_apt, _nvidia_keys, _openpgp
from ansible_collections.mlinabox.core.tests.unit.plugins.module_utils.hosts import lay_out

BASE = "https://developer.download.nvidia.com/compute/cuda/repos"
RING = "/usr/share/keyrings/cuda-archive-keyring.gpg"
UBUNTU = {"/etc/os-release": 'ID=ubuntu\nVERSION_ID="20.04"\n'}
DEBIAN13 = {"/etc/os-release": 'ID=debian\nVERSION_ID="13"\n'}


@pytest.fixture(autouse=True)
def _keys_by_name(monkeypatch):
    """A ring's content is the names of NVIDIA's keys in it: nobody can make a key that has such a fingerprint."""
    known = _nvidia_keys.FINGERPRINTS
    monkeypatch.setattr(
        _openpgp,
        "readable_fingerprints",
        lambda data: [known.get(name, name * 4) for name in data.decode().split()],
    )


def source(release="ubuntu2004", ring=RING, name="cuda"):
    option = f"[signed-by={ring}] " if ring else ""
    return {f"/etc/apt/sources.list.d/{name}.list": f"deb {option}{BASE}/{release}/x86_64/ /\n"}


@pytest.mark.parametrize(
    ("files", "codes"),
    [
        (UBUNTU, []),
        ({**UBUNTU, **source(), RING: "3bf863cc"}, []),
        ({**UBUNTU, **source(), RING: "7fa2af80 3bf863cc"}, []),
        ({**UBUNTU, **source(), RING: "7fa2af80"}, ["apt-key-revoked"]),
        ({**UBUNTU, **source(), RING: "ABCDEF0123"}, ["apt-key-wrong"]),
        ({**UBUNTU, **source(), RING: "8793F200"}, ["apt-key-wrong"]),
        ({**UBUNTU, **source()}, ["apt-key-missing"]),
        ({**UBUNTU, **source(), RING: ""}, ["apt-key-unreadable"]),
        # apt-key's ring serves a source that names none.
        ({**UBUNTU, **source(ring=""), "/etc/apt/trusted.gpg": "3bf863cc"}, ["apt-key-for-everything"]),
        ({**UBUNTU, **source(ring=""), "/etc/apt/trusted.gpg": "7fa2af80"},
         ["apt-key-revoked", "apt-key-for-everything"]),
        ({**UBUNTU, **source(ring=""), "/etc/apt/trusted.gpg.d/x.asc": "3bf863cc"}, ["apt-key-for-everything"]),
        ({**UBUNTU, **source(ring="")}, ["apt-key-wrong"]),
        ({**UBUNTU, "/etc/apt/trusted.gpg": "7fa2af80"}, ["apt-key-for-everything"]),
        ({**DEBIAN13, **source("debian13"), RING: "8793F200"}, []),
        ({**DEBIAN13, **source("debian13"), RING: "3bf863cc"}, ["apt-key-wrong"]),
        # Since 2026-02-01 Debian 13's apt takes no key that is bound with SHA-1.
        ({**DEBIAN13, **source("debian12"), RING: "3bf863cc"}, ["apt-key-wrong"]),
        ({**UBUNTU, **source("ubuntu2204"), RING: "3bf863cc"}, ["apt-source-of-another-release"]),
        ({**UBUNTU, **source(), **source(ring="/etc/apt/keyrings/x.gpg", name="x"), RING: "3bf863cc",
          "/etc/apt/keyrings/x.gpg": "3bf863cc"}, ["apt-sources-conflict"]),
        ({**UBUNTU, **source(), **source(ring="", name="x"), RING: "3bf863cc"},
         ["apt-sources-conflict", "apt-key-wrong"]),
        ({**UBUNTU, **source(), **source(name="x"), RING: "3bf863cc"}, []),
        ({**UBUNTU, **source("ubuntu2204", name="y"), **source(), RING: "3bf863cc"}, ["apt-source-of-another-release"]),
        # A mirror signs with a key of its own, or is the real one: nobody here can tell.
        ({**UBUNTU, "/etc/apt/sources.list.d/m.list":
          f"deb [signed-by={RING}] http://mirror.example.org/compute/cuda/repos/ubuntu2004/x86_64/ /\n",
          RING: "ABC"}, []),
        ({**UBUNTU, "/etc/apt/sources.list.d/c.sources":
          f"Types: deb\nURIs: {BASE}/ubuntu2004/x86_64/\nSuites: /\nSigned-By: {RING}\n", RING: "7fa2af80"},
         ["apt-key-revoked"]),
        ({**UBUNTU, "/etc/apt/sources.list.d/c.sources":
          f"Types: deb\nURIs: {BASE}/ubuntu2004/x86_64/\nSuites: /\nSigned-By: {RING}\nEnabled: no\n"}, []),
        ({**UBUNTU, "/etc/apt/sources.list.d/c.sources": f"Types: deb\nURIs: {BASE}/ubuntu2004/x86_64/\nSuites: /\n"
          "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n xxxx\n"}, []),
        ({**UBUNTU, "/etc/apt/sources.list": f"# deb {BASE}/ubuntu2004/x86_64/ /\n"}, []),
        ({**UBUNTU, "/etc/apt/sources.list.d/t.list": f"deb [arch=amd64 signed-by={RING}] "
          "https://nvidia.github.io/libnvidia-container/stable/deb/amd64 /\n"}, ["apt-key-missing"]),
    ],
)  # fmt: skip
def test_what_is_found(tmp_path, files, codes):
    found = _doctor_apt.judge(_doctor_apt.look(lay_out(tmp_path, files)))
    assert [one["code"] for one in found] == codes
    for one in found:
        assert one["text"].endswith(".") and one["cure"].endswith(".")
