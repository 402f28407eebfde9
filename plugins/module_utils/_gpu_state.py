# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host is, by what was found on it: a GPU box, a CPU box, or a broken GPU box. Pure; no Ansible import.

Each layer stands on the one before: the bus, the driver that has the card, the kernel module, the library. The first
that is broken is named; what stands on it cannot be right. What only breaks at the next restart or upgrade breaks no
box yet.
"""

from __future__ import annotations

from ._gpu_codes import BROKEN as BROKEN_FINDING
from ._gpu_codes import LAYERS
from ._gpu_words import on_the_bus

GPU, CPU, BROKEN = "gpu", "cpu", "broken"
_USED = LAYERS[: LAYERS.index("fabric") + 1]


def judge(host, findings):
    """Return `kind`, `layer` (of a broken box, else ''), `reason` (one sentence) and `cure` (one sentence, or '').

    host: of _gpu_structure.merge; findings: of _gpu_findings.find.
    """
    driver = host["driver"]
    for one in findings:
        if one["severity"] == BROKEN_FINDING and one["layer"] in _USED:
            return _verdict(BROKEN, one["layer"], one["text"], one["cure"])
    for one in findings:
        if one["code"] == "gpus-not-given":
            return _verdict(CPU, "", one["text"], "")
    if not host["gpus"]:
        if not driver["loaded"]:
            return _verdict(CPU, "", "There is no NVIDIA GPU on the PCI bus.", "")
        if host["sources"]["nvml"]["count"] == 0:
            return _verdict(CPU, "", f"NVIDIA's driver {driver['version']} is loaded, and it has no GPU here.", "")
        # Containers that do not see the bus: the driver knows better.
        return _verdict(GPU, "", f"NVIDIA's driver {driver['version']} is loaded, though the PCI bus shows no GPU.", "")
    loaded = f"NVIDIA's driver {driver['version']} {'is loaded' if driver['loaded'] else 'answers'}"
    if not any(gpu["class"] for gpu in host["gpus"]):
        return _verdict(GPU, "", f"{loaded}, though the PCI bus shows no GPU.", "")
    return _verdict(GPU, "", f"{on_the_bus(host['gpus'])} on the PCI bus, {loaded}.", "")


def _verdict(kind, layer, reason, cure):
    return {"kind": kind, "layer": layer, "reason": reason, "cure": cure}
