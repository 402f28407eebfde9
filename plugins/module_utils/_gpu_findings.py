# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with a host's GPUs, by the structure of _gpu_structure. Pure; no Ansible import.

A layer is only judged where those below it stand: a library cannot be asked when the kernel module is not loaded, and
what it then says is no finding of its own.
"""

from __future__ import annotations

from ._gpu_codes import BROKEN, in_order
from ._gpu_findings_access import find_access
from ._gpu_findings_boot import find_boot, find_packages
from ._gpu_findings_cards import find_cards, find_fabric
from ._gpu_findings_driver import find_bus, find_foreign, find_library, find_module

_LADDER = (find_bus, find_foreign, find_module, find_library, find_access, find_cards, find_fabric)


def find(host):
    """Return the findings of a host in walking order, each as _gpu_codes.finding returns it."""
    found = []
    for look in _LADDER:
        here = look(host)
        found += here
        if any(one["code"] == "gpus-not-given" for one in here):
            return found  # what is the machine's is none of the container's
        if any(one["severity"] == BROKEN for one in here):
            break
    if host["gpus"]:
        found += find_boot(host) + find_packages(host)
    return in_order(found)
