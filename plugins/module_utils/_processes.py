# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ending what a program left running, also in a session of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import time

PAUSE = 0.02  # seconds between two looks
_ROUNDS = 5  # while we look, one may fork another


def has_home(pid, home):
    """Return whether a process began with this HOME. pid: str or int. Raises OSError where it is gone, or another's."""
    with open(f"/proc/{pid}/environ", "rb") as file:
        return f"\0HOME={home}\0".encode() in b"\0" + file.read()


def end_all(is_ours):
    """Kill the processes of which is_ours(pid) says so; pid is a str, and OSError means no."""
    for _round in range(_ROUNDS):
        alive = [pid for pid in os.listdir("/proc") if pid.isdigit() and _is(is_ours, pid)]
        for pid in alive:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(int(pid), signal.SIGKILL)
        if not alive:
            return
        time.sleep(PAUSE)


def _is(is_ours, pid):
    with contextlib.suppress(OSError):
        return is_ours(pid)
    return False
