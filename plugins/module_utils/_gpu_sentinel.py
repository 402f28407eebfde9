# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program that looks at a host's GPUs when it starts, and leaves one line for who logs in. No Ansible import.

The line and the whole result lie in a folder of /run, so that what an earlier start found is never shown.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time

from ._generations import write_whole
from ._gpu_codes import BROKEN, WARNING
from ._gpu_look import look
from ._gpu_state import CPU

STATUS, LINE = "gpu.json", "gpu.motd"
_LONGEST = 400  # characters of the line


def line(host):
    """Return the one line. host: of _gpu_look.look."""
    findings = host["findings"]
    for severity in (BROKEN, WARNING):
        said = [one for one in findings if one["severity"] == severity]
        if said:
            first, more = said[0], f" (and {len(said) - 1} more)" if len(said) > 1 else ""
            word = "BROKEN" if severity == BROKEN else "warning"
            return _short(f"GPU {word}, {first['layer']}: {first['text']} {first['cure']}{more}")
    if host["kind"] == CPU:
        return _short(f"GPU: none. {host['reason']}")
    counted = {}
    for gpu in host["gpus"]:
        name = gpu["name"] or "a GPU without a name"
        counted[name] = counted.get(name, 0) + 1
    named = ", ".join(f"{count} x {name}" if count > 1 else name for name, count in counted.items())
    driver = host["driver"]
    cuda = f", CUDA up to {driver['cuda']}" if driver["cuda"] else ""
    return _short(f"GPU: {named or 'of the driver'}, driver {driver['version']}{cuda}: in order.")


def _short(text):
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def main(arguments=None):
    """Look, and write both files. Returns the exit status: 0 whatever was found, for that is the result."""
    parser = argparse.ArgumentParser(description="Looks at the GPUs and leaves one line for who logs in.")
    parser.add_argument("--folder", default="/run/mlinabox", help="where the line and the result go")
    parser.add_argument("--root", default="/", help="where the host's files lie; another folder is for tests")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds for each source that is asked")
    told = parser.parse_args(arguments)
    host = look(told.root, told.timeout)
    os.makedirs(told.folder, mode=0o755, exist_ok=True)
    said = line(host)
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    status = {"at": at, "line": said, **host}
    write_whole(os.path.join(told.folder, STATUS), json.dumps(status, indent=1, sort_keys=True) + "\n")
    write_whole(os.path.join(told.folder, LINE), said + "\n")
    sys.stdout.write(said + "\n")
    return 0
