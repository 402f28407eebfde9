# Copyright: (c) 2026, the ML in a Box contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much memory smoke checks may take together."""

from __future__ import annotations

import os
import re

_MIB = 1024 * 1024


def memory_budget(proc: str = "/proc", cgroups: str = "/sys/fs/cgroup") -> int:
    """MiB that checks may take together: four fifths of what is available, to the machine or to our control group."""
    available = []
    for line in _read(os.path.join(proc, "meminfo")).splitlines():
        if line.startswith("MemAvailable:"):
            available.append(int(line.split()[1]) * 1024)
    for line in _read(os.path.join(proc, "self/cgroup")).splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0":
            available += _cgroup_room(cgroups, path, "memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            root = os.path.join(cgroups, "memory")
            available += _cgroup_room(
                root, path, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
            )
    return int(min(available) * 0.8) // _MIB if available else 0


def _cgroup_room(root, path, limit_name, usage_name, cache_name):
    """Bytes left below the limit of each group on the way up from path; in a container path may be outside's."""
    rooms = []
    while True:
        folder = os.path.normpath(os.path.join(root, path.lstrip("/")))
        limit = _read(os.path.join(folder, limit_name)).strip()
        usage = _read(os.path.join(folder, usage_name)).strip()
        if limit.isdigit() and usage.isdigit():
            # Cached files count as used, but are given back when somebody asks.
            cache = re.search(rf"^{cache_name} (\d+)$", _read(os.path.join(folder, "memory.stat")), re.MULTILINE)
            rooms.append(max(0, int(limit) - int(usage) + (int(cache.group(1)) if cache else 0)))
        if path in ("", "/"):
            return rooms
        path = os.path.dirname(path)


def _read(path):
    """A file's text, empty where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
