# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The doctor on hosts as people reported them: it names the layer and the cure, and nothing where all is well."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _gpu_look, _nvidia_keys
from ansible_collections.mlinabox.core.plugins.module_utils._doctor import BESIDE, Doctor
from ansible_collections.mlinabox.core.plugins.module_utils._gpu_codes import BROKEN, LAYERS, WARNING

yaml = pytest.importorskip("yaml")

EXPECTED = Path(__file__).resolve().parents[2] / "gpu" / "expected.yml"
EXPECTED = yaml.safe_load(EXPECTED.read_text(encoding="utf-8"))


@pytest.fixture
def examine(hosts, monkeypatch):
    from standin import openpgp

    # NVIDIA's keys are not ours to copy: those that stand for them are taken for them.
    keys = {name: openpgp.fingerprint(name) for name in _nvidia_keys.FINGERPRINTS}
    monkeypatch.setattr(_nvidia_keys, "FINGERPRINTS", keys)

    def walk(name):
        root = hosts(name)
        return Doctor(_gpu_look.look(root), root).examine()

    return walk


def missing(patterns, texts):
    return [pattern for pattern in patterns if not re.search(pattern, " ".join(texts), re.IGNORECASE)]


@pytest.mark.parametrize("name", EXPECTED["broken"])
def test_a_broken_host(examine, name):
    expected = EXPECTED["broken"][name]
    found = examine(name)
    there = [
        one for one in found["findings"] if one["layer"] in expected["layer"] and one["severity"] in (BROKEN, WARNING)
    ]
    assert there, f"nothing is found in {expected['layer']}: {found['findings']}"
    assert missing(expected["cure"], [one["cure"] for one in there]) == []
    assert missing(expected.get("text", ()), [one["text"] for one in there]) == []
    first = next((row["layer"] for row in found["layers"] if row["status"] == BROKEN), None)
    if expected.get("works"):
        # Nothing else is called broken.
        assert first is None or first in expected["layer"]
    else:
        assert first in expected["layer"] and found["broken"]


@pytest.mark.parametrize("name", EXPECTED["healthy"])
def test_a_healthy_host(examine, name):
    found = examine(name)
    assert not found["broken"]
    assert [one for one in found["findings"] if one["severity"] != "note"] == []
    assert {row["status"] for row in found["layers"]} <= {"ok", "skipped"}


@pytest.mark.parametrize("name", ["library-upgraded-under-r460", "gpu-fell-off-the-bus", "libcudnn-that-is-libcuda"])
def test_what_stands_on_a_broken_layer_is_not_looked_at(examine, name):
    rows = examine(name)["layers"]
    assert [row["layer"] for row in rows] == list(LAYERS)
    walked = [row["status"] for row in rows if row["layer"] not in BESIDE]
    at = walked.index(BROKEN)
    assert set(walked[:at]) <= {"ok", WARNING} and set(walked[at + 1 :]) == {"skipped"}
