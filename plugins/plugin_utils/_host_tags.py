# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which wheels a host can install: the tags of its interpreter, best first.

Of packaging's own functions, but for the host instead of the machine that they run on.
"""

from __future__ import annotations

import contextlib

from ._lock_file import Host

with contextlib.suppress(ImportError):  # said by who uses this module
    from packaging.tags import Tag, compatible_tags, cpython_tags

# PEP 600: the older names, and the glibc that each means. x86_64 wheels go back to 2.5, others to 2.17.
_OLDER = {(2, 17): "manylinux2014", (2, 12): "manylinux2010", (2, 5): "manylinux1"}
# Where nobody could ask the host, no wheel is refused for its glibc; uv will.
_ANY_GLIBC = (2, 99)


def host_tags(host: Host) -> list[Tag]:
    """Return the tags of a host's CPython."""
    version = tuple(int(part) for part in host.markers["python_version"].split(".")[:2])
    interpreter = f"cp{version[0]}{version[1]}"
    platforms = _platforms(host)
    return [
        *cpython_tags(version, [interpreter + host.abi_flags], platforms),
        *compatible_tags(version, interpreter, platforms),
    ]


def _platforms(host: Host) -> list[str]:
    machine = host.markers["platform_machine"]
    if host.markers["sys_platform"] != "linux":
        return [f"{host.markers['sys_platform']}_{machine}"]
    major, minor = host.glibc or _ANY_GLIBC
    oldest = 5 if machine in ("x86_64", "i686") else 17
    # A wheel that was built for just such a machine comes first, as in packaging.
    found = [f"linux_{machine}"]
    for older in range(minor, oldest - 1, -1):
        found.append(f"manylinux_{major}_{older}_{machine}")
        if (major, older) in _OLDER:
            found.append(f"{_OLDER[major, older]}_{machine}")
    return found
