# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs pip_lock's main() in this process, as AnsiballZ does, and says how long it took and how much memory.

python inside.py ARGUMENTS.json        prints {"seconds", "mebibytes", "result"} as JSON
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time

from ansible.module_utils import basic
from ansible_collections.mlinabox.core.plugins.modules import pip_lock


def main(path):
    with open(path, "rb") as stream:
        basic._ANSIBLE_ARGS = stream.read()
    basic._ANSIBLE_PROFILE = "legacy"
    out, sys.stdout = sys.stdout, io.StringIO()
    started = time.perf_counter()
    with contextlib.suppress(SystemExit):
        pip_lock.main()
    seconds = time.perf_counter() - started
    said, sys.stdout = sys.stdout.getvalue(), out
    json.dump({"seconds": seconds, "mebibytes": peak(), "result": json.loads(said)}, sys.stdout)


def peak():
    """Return the most memory that this process had, in MiB. getrusage would count its parent's before exec."""
    with open("/proc/self/status", encoding="ascii") as stream:
        return next(int(line.split()[1]) for line in stream if line.startswith("VmHWM:")) / 1024


if __name__ == "__main__":
    main(sys.argv[1])
