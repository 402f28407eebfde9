# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NVIDIA's kernel module as /proc shows it. No Ansible import, and it never raises.

The version line has two shapes (open-gpu-kernel-modules, kernel-open/nvidia/nv-procfs.c):
    NVRM version: NVIDIA UNIX x86_64 Kernel Module  515.76  Mon Sep 12 19:21:56 UTC 2022
    NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build  (...)  Tue Sep 23 09:55:41 UTC
    2025
"""

from __future__ import annotations

import re

from ._gpu_root import read_text

_FILE = "/proc/driver/nvidia/version"
_VERSION = re.compile(r"(Open )?Kernel Module(?: for \S+)?\s+(\d+[\d.]+)")


def parse_version(text):
    """Return (version, open) of the text of /proc/driver/nvidia/version; ('', False) when it has no such line."""
    match = _VERSION.search(text)
    return (match.group(2), bool(match.group(1))) if match else ("", False)


def find_module(root="/"):
    """Return `loaded`, `version` and `open` (NVIDIA's open kernel module) of the loaded module below `root`."""
    version, is_open = parse_version(read_text(root, _FILE, 4096))
    return {"loaded": bool(version), "version": version, "open": is_open}
