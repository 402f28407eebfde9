# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NVIDIA's devices on the PCI bus, out of sysfs. No Ansible import, no pciutils, and it never raises.

Kernel documentation: Documentation/ABI/testing/sysfs-bus-pci. Vendor 0x10de is NVIDIA; class 0x0300xx is a VGA
controller and 0x0302xx a 3D controller, which is what a GPU is; an NVSwitch is a bridge (0x0680xx, such as 10de:1af1),
and audio functions (0x0403xx) are neither.
"""

from __future__ import annotations

from ._gpu_root import exists, link_name, names, read_text

NVIDIA = "0x10de"
_BUS = "/sys/bus/pci/devices"
_GPU_CLASSES = ("0x0300", "0x0302")
_SWITCH_CLASS = "0x0680"
# Lower ones of that class are the bridges and network chips of NVIDIA's mainboards of 2010 and before (pci.ids).
_FIRST_SWITCH = 0x1A00


def look(root="/", _timeout=None):
    """Return what the bus shows below `root`.

    visible: whether it shows anything at all (containers and small virtual machines may see none); gpus: a dict for
    each NVIDIA GPU, by address: `address` (0000:01:00.0), `device` (0x20b2), `class`, and `driver`, the kernel driver
    that has it ('nvidia', 'nouveau', 'vfio-pci', ...) or ''; nvswitches: how many NVSwitches.
    """
    devices = names(root, _BUS)
    found = {"visible": bool(devices), "gpus": [], "nvswitches": 0}
    for address in devices:
        folder = f"{_BUS}/{address}"
        if _word(root, f"{folder}/vendor") != NVIDIA or exists(root, f"{folder}/physfn"):
            continue  # what has a physfn is a part of a card, made for a virtual machine
        pci_class, device = _word(root, f"{folder}/class"), _word(root, f"{folder}/device")
        if pci_class.startswith(_SWITCH_CLASS):
            found["nvswitches"] += _is_switch(device)
        elif pci_class.startswith(_GPU_CLASSES):
            driver = link_name(root, f"{folder}/driver")
            found["gpus"].append({"address": address, "device": device, "class": pci_class, "driver": driver})
    return found


def _is_switch(device):
    try:
        return int(device, 16) >= _FIRST_SWITCH
    except ValueError:
        return False


def _word(root, path):
    return read_text(root, path, 64).strip().lower()
