# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host is, from what was found on it: a GPU box, a CPU box, or a broken GPU box. No Ansible import.

Each layer stands on the one before: the bus, the driver that has the card, the kernel module. The first that is
broken is named; what stands on it cannot be right.
"""

from __future__ import annotations

GPU, CPU, BROKEN = "gpu", "cpu", "broken"


def judge(gpus, module):
    """Return `kind`, `layer` (of a broken box, else ''), `reason` (one sentence) and `cure` (one sentence, or '').

    gpus: of _gpu_pci.find_gpus; module: of _gpu_kernel.find_module.
    """
    if not gpus and not module["loaded"]:
        return _verdict(CPU, "", "There is no NVIDIA GPU on the PCI bus.", "")
    if not gpus:
        # WSL, and containers that do not see the bus: the driver knows better.
        return _verdict(GPU, "", f"NVIDIA's driver {module['version']} is loaded, though the PCI bus shows no GPU.", "")
    foreign = [gpu for gpu in gpus if gpu["driver"] not in ("", "nvidia")]
    unbound = [gpu for gpu in gpus if not gpu["driver"]]
    if len(foreign) == len(gpus):
        return _foreign(foreign[0])
    if not module["loaded"]:
        return _verdict(
            BROKEN,
            "kernel module",
            f"{_gpus(gpus)} on the PCI bus, and NVIDIA's kernel module is not loaded.",
            "Install NVIDIA's driver for the running kernel, or load it with `modprobe nvidia` and see `dmesg`.",
        )
    if unbound:
        addresses = ", ".join(gpu["address"] for gpu in unbound)
        return _verdict(
            BROKEN,
            "driver binding",
            f"NVIDIA's driver {module['version']} is loaded but does not drive {addresses}.",
            "See `dmesg | grep NVRM`: the driver may be too old, too new or too open for this GPU.",
        )
    return _verdict(GPU, "", f"{_gpus(gpus)} on the PCI bus, NVIDIA's driver {module['version']} is loaded.", "")


def _foreign(gpu):
    if gpu["driver"] == "nouveau":
        return _verdict(
            BROKEN,
            "driver binding",
            f"The driver nouveau has the GPU {gpu['address']}, and CUDA cannot use it.",
            "Install NVIDIA's driver, put `blacklist nouveau` into /etc/modprobe.d and restart the machine.",
        )
    return _verdict(
        BROKEN,
        "driver binding",
        f"The driver {gpu['driver']} has the GPU {gpu['address']}, as for a virtual machine that it is passed to.",
        "Give it back to NVIDIA's driver, or require a CPU box with nvidia_check_require=cpu.",
    )


def _gpus(gpus):
    return "One NVIDIA GPU is" if len(gpus) == 1 else f"{len(gpus)} NVIDIA GPUs are"


def _verdict(kind, layer, reason, cure):
    return {"kind": kind, "layer": layer, "reason": reason, "cure": cure}
