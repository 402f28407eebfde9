# Copyright: (c) 2026, the ML in a Box contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of smoke checks share."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils._smoke_check import Check
from ansible_collections.mlinabox.core.plugins.module_utils._smoke_network import why_not_cut_off

PYTHON = next(path for path in ("/usr/bin/python3", sys.executable) if os.path.exists(path))

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

cut_off = pytest.mark.skipif(bool(why_not_cut_off()), reason="network namespaces cannot be made here")


def check(script, **others):
    return Check(**{"name": "thing", "distribution": "thing", "timeout": 30, "memory": 10, "script": script, **others})


def alive(mark):
    """Processes with the mark in their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            with contextlib.suppress(OSError):
                command = (entry / "cmdline").read_bytes().split(b"\0")
                if mark.encode() in command:
                    found.append(int(entry.name))
    return found


def wait_until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
