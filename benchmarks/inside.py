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
import resource
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
    # Of Linux, in KiB (getrusage(2)). uv is another process and does not count.
    mebibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    json.dump({"seconds": seconds, "mebibytes": mebibytes, "result": json.loads(said)}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
