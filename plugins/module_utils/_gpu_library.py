# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NVIDIA's management library, libnvidia-ml, as files. No Ansible import, and it never raises.

The file bears the driver's version, libnvidia-ml.so.535.104.05, and programs load libnvidia-ml.so.1, a link to it;
Debian's goes through /etc/alternatives to /usr/lib/x86_64-linux-gnu/nvidia/current.
"""

from __future__ import annotations

import os
import re

from ._gpu_root import names, resolve
from ._gpu_versions import version_key

NAME = "libnvidia-ml.so.1"
_FOLDERS = (
    "/usr/lib/x86_64-linux-gnu",
    "/lib/x86_64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/usr/lib/wsl/lib",
    "/usr/local/nvidia/lib64",
    "/usr/lib/x86_64-linux-gnu/nvidia/current",
)
_FILE = re.compile(r"libnvidia-ml\.so\.(\d+\.[\d.]+)$")


def look(root="/", _timeout=None):
    """Return `path`, what the link leads to on this machine, or ''; `version`, its own or else the newest on the disk.

    others: versions of further such files, which nothing loads. WSL's file has no version in its name.
    """
    path, versions = "", set()
    for folder in _FOLDERS:
        here = names(root, folder)
        versions.update(match.group(1) for match in map(_FILE.match, here) if match)
        if NAME in here and not path:
            target = resolve(root, f"{folder}/{NAME}")
            path = target if os.path.isfile(target) else ""
    match = _FILE.match(os.path.basename(path))
    version = match.group(1) if match else ""
    if not path:
        version = max(versions, key=version_key, default="")
    return {"path": path, "version": version, "others": sorted(versions - {version}, key=version_key)}
