# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which host compiler an nvcc takes: each CUDA release has a newest gcc, and refuses newer ones. No Ansible import.

The toolkit says so itself, in crt/host_config.h. Before it is there, the table says it: that line of each release's
header, as NVIDIA's installation guide for Linux lists them ("Host Compiler Support Policy").
"""

from __future__ import annotations

import os
import re

#: (CUDA series from which on this holds, newest gcc), in order.
NEWEST_GCC = (
    ((10, 2, 0), 8),
    ((11, 0, 0), 9),
    ((11, 1, 0), 10),
    ((11, 4, 1), 11),
    ((12, 0, 0), 12),
    ((12, 4, 0), 13),
    ((12, 8, 0), 14),
    ((13, 0, 0), 15),
)
_LIMIT = re.compile(r"^#if __GNUC__ > (\d+)", re.MULTILINE)
#: Below a toolkit's folder, NVIDIA's layout; Debian's has it among the distribution's headers.
_HEADERS = ("targets/x86_64-linux/include/crt/host_config.h", "include/crt/host_config.h")


def newest_gcc(release):
    """Return the newest major version of gcc (int) that CUDA `release` ('11.7.1') takes; 0 where it is not known."""
    wanted = tuple(int(part) for part in (release + ".0.0").split(".")[:3])
    known = [newest for since, newest in NEWEST_GCC if since <= wanted]
    # What is newer than the table may take newer ones than it says.
    return known[-1] if known and wanted[:2] <= NEWEST_GCC[-1][0][:2] else 0


def limit_of(toolkit):
    """Return the newest major version of gcc (int) that the toolkit in a folder says it takes; 0 where it does not."""
    for header in _HEADERS:
        try:
            with open(os.path.join(toolkit, header), encoding="utf-8", errors="replace") as stream:
                match = _LIMIT.search(stream.read())
        except OSError:
            continue
        if match:
            return int(match.group(1))
    return 0


def choose(release, default, others, newest=None):
    """Return the package of the compiler for a CUDA release: 'g++', or 'g++-11' where the default is too new.

    default: major version of the distribution's own gcc; others: those that it has besides. newest: what the toolkit
    says, where it is there. ValueError where none will do.
    """
    newest = newest_gcc(release) if newest is None else newest
    if not newest or default <= newest:
        return "g++"
    fitting = [other for other in others if other <= newest]
    if not fitting:
        have = ", ".join(str(one) for one in sorted({default, *others}))
        raise ValueError(f"nvcc of CUDA {release} takes gcc up to {newest}, and here there is {have}")
    return f"g++-{max(fitting)}"
