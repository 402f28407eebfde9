# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether NVIDIA's Fabric Manager runs, without which GPUs behind NVSwitches do not compute. No Ansible import.

systemd is asked where it is there; else the processes are looked at.
"""

from __future__ import annotations

from . import _gpu_bounded
from ._gpu_root import exists, find_program, names, read_text

SERVICE = "nvidia-fabricmanager.service"
PROGRAM = "/usr/bin/nv-fabricmanager"
_COMM = "nv-fabricmanage"  # the kernel keeps 15 characters
_STATES = {
    "active": True,
    "reloading": True,
    "activating": False,
    "deactivating": False,
    "inactive": False,
    "failed": False,
}


def look(root="/", timeout=5.0):
    """Return what result() does. timeout: seconds."""
    job = start(root, timeout)
    _gpu_bounded.wait([job] if job else [])
    return result(root, job)


def start(root="/", timeout=5.0):
    """Return a job that asks systemd, None where there is none."""
    program = find_program(root, "systemctl")
    return _gpu_bounded.start_program("systemctl", [program, "is-active", SERVICE], timeout) if program else None


def result(root, job):
    """Return what an ended job found out.

    status, detail, seconds: of the source; running: True, False, or None where nobody knows; state: systemd's word, or
    ''; installed: whether the program is there, whoever installed it.
    """
    found = {"status": "ok", "detail": "", "seconds": 0.0, "running": None, "state": ""}
    found["installed"] = exists(root, PROGRAM)
    if job:
        found.update({"status": job.outcome.status, "detail": job.outcome.detail, "seconds": job.outcome.seconds})
        word = next(iter(job.outcome.text.split()), "")
        if word in _STATES:
            # It ends with 3 for what does not run, which is an answer.
            found.update({"status": "ok", "detail": "", "running": _STATES[word], "state": word})
            return found
    processes = [name for name in names(root, "/proc") if name.isdigit()]
    if processes:
        found["running"] = any(read_text(root, f"/proc/{pid}/comm", 64).startswith(_COMM) for pid in processes)
    return found
