# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a job that Ansible's async_wrapper started on this host is still at work."""

from __future__ import annotations

import json
import os


def job_state(path):
    """Return `running`, `finished`, or `gone` where it ended without a result: killed, or the host was rebooted.

    path: the job's results file, which ansible-core (2.17 to 2.19) names <job>.<process id>: it says `started` from the
    beginning and is replaced by the module's result, which does not.
    """
    state = _by_file(path)
    if state == "running" and not _has_process(os.path.basename(path).split(".", 1)[0]):
        # Its last act may have been to write the result.
        state = "finished" if _by_file(path) == "finished" else "gone"
    return state


def _by_file(path):
    try:
        with open(path, encoding="utf-8") as stream:
            found = json.load(stream)
    except FileNotFoundError:
        return "gone"
    except ValueError:
        return "running"
    return "running" if isinstance(found, dict) and "started" in found and not found.get("finished") else "finished"


def _has_process(job):
    """Return whether a process has the job's name among its arguments, as async_wrapper and its children do."""
    wanted = b"\0" + os.fsencode(job) + b"\0"
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/cmdline", "rb") as stream:
                if wanted in stream.read():
                    return True
        except OSError:
            continue
    return False
