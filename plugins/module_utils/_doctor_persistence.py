# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""nvidia-persistenced, which keeps the driver awake between programs: whether it is wanted here and has stopped.

Without it each first program waits for every GPU to wake, seconds each, and settings of the GPUs are forgotten between
two (NVIDIA, "Driver Persistence"). It leaves its process id and a socket in /run/nvidia-persistenced.
"""

from __future__ import annotations

from . import _gpu_bounded
from ._gpu_codes import finding
from ._gpu_root import exists, find_program, names

_UNIT = "nvidia-persistenced.service"
_FOLDERS = ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")


def look(root="/", timeout=5):
    """Return `wanted`, whether a target of systemd's asks for it at each start, and `running`.

    timeout: seconds for systemd, which is asked where it is wanted and has left no sign.
    """
    targets = [f"{folder}/{name}" for folder in _FOLDERS for name in names(root, folder) if name.endswith(".wants")]
    wanted = any(exists(root, f"{target}/{_UNIT}") for target in targets)
    running = any(name.endswith((".pid", "socket")) for name in names(root, "/run/nvidia-persistenced"))
    systemctl = find_program(root, "systemctl") if wanted and not running else ""
    if systemctl:
        said = _gpu_bounded.run("systemctl", [systemctl, "is-active", _UNIT], timeout, 4096).text.split()
        running = said[:1] == ["active"]
    return {"wanted": wanted, "running": running}


def judge(seen):
    """Return the findings of what look saw."""
    if not seen["wanted"] or seen["running"]:
        return []
    return [
        finding(
            "persistenced-stopped",
            "nvidia-persistenced is to run and does not, so each first program waits for the GPUs to wake.",
            "Start it with `systemctl start nvidia-persistenced`.",
        )
    ]
