# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NVIDIA GPUs on the PCI bus, out of sysfs. No Ansible import, no pciutils, and it never raises.

Kernel documentation: Documentation/ABI/testing/sysfs-bus-pci. Vendor 0x10de is NVIDIA; class 0x0300xx is a VGA
controller and 0x0302xx a 3D controller, which is what a GPU is; NVSwitches (0x0680xx) and audio functions (0x0403xx)
are none.
"""

from __future__ import annotations

import os

NVIDIA = "0x10de"
_GPU_CLASSES = ("0x0300", "0x0302")


def find_gpus(sysfs="/sys"):
    """Return a dict for each NVIDIA GPU under `sysfs`, by address.

    `address` (0000:01:00.0), `device` (0x20b2), `class`, and `driver`, the kernel driver that has it ('nvidia',
    'nouveau', 'vfio-pci', ...) or ''.
    """
    bus = os.path.join(sysfs, "bus", "pci", "devices")
    try:
        addresses = sorted(os.listdir(bus))
    except OSError:
        return []  # no PCI bus at all, as in many containers and small virtual machines
    gpus = []
    for address in addresses:
        folder = os.path.join(bus, address)
        pci_class = _read(os.path.join(folder, "class"))
        if _read(os.path.join(folder, "vendor")) == NVIDIA and pci_class.startswith(_GPU_CLASSES):
            gpus.append(
                {
                    "address": address,
                    "device": _read(os.path.join(folder, "device")),
                    "class": pci_class,
                    "driver": _target(os.path.join(folder, "driver")),
                }
            )
    return gpus


def _read(path):
    try:
        with open(path, encoding="ascii", errors="replace") as stream:
            return stream.read().strip().lower()
    except OSError:
        return ""


def _target(link):
    try:
        return os.path.basename(os.readlink(link))
    except OSError:
        return ""
