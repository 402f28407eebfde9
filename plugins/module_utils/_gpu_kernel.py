# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NVIDIA's kernel module as /proc and /dev show it. No Ansible import, and it never raises.

The version line has two shapes (open-gpu-kernel-modules, kernel-open/nvidia/nv-procfs.c):
    NVRM version: NVIDIA UNIX x86_64 Kernel Module  515.76  Mon Sep 12 19:21:56 UTC 2022
    NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build  (...)  Tue Sep 23 09:55:41 UTC
    2025
"""

from __future__ import annotations

import re

from ._gpu_root import exists, names, read_text

_FILE = "/proc/driver/nvidia/version"
_VERSION = re.compile(r"(Open )?Kernel Module(?: for \S+)?\s+(\d+[\d.]+)")
_DEVICE_FILE = re.compile(r"nvidia(?:\d+|ctl|-uvm)")
_EXCLUDED = re.compile(r"^GPU Excluded:\s*Yes", re.MULTILINE)
_WSL = "/dev/dxg"  # the device of Windows's driver, behind which NVML answers though there is no module


def parse_version(text):
    """Return (version, open) of the text of /proc/driver/nvidia/version; ('', False) when it has no such line."""
    match = _VERSION.search(text)
    return (match.group(2), bool(match.group(1))) if match else ("", False)


def find_module(root="/"):
    """Return `loaded`, `version` and `open` (NVIDIA's open kernel module) of the loaded module below `root`."""
    version, is_open = parse_version(read_text(root, _FILE, 4096))
    return {"loaded": bool(version), "version": version, "open": is_open}


def is_excluded(root, address):
    """Tell whether the driver was told to leave the GPU at an address alone (NVreg_ExcludedGpus).

    Only to be asked of a driver that answers: the driver itself writes this file when it is read.
    """
    path = f"/proc/driver/nvidia/gpus/{address}/information"
    return bool(_EXCLUDED.search(read_text(root, path, 4096)))


def look(root="/", _timeout=None):
    """Return what find_module does, `device_files` (the names in /dev), and `reachable`.

    reachable: whether NVML can be asked without the kernel module being loaded by that: NVIDIA's programs do so where
    it is not.
    """
    found = find_module(root)
    found["device_files"] = [name for name in names(root, "/dev") if _DEVICE_FILE.fullmatch(name)]
    found["reachable"] = found["loaded"] or "nvidiactl" in found["device_files"] or exists(root, _WSL)
    return found
