# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Paperspace's API says of a thing, as Ansible's users read it. Pure; no Ansible import."""

from __future__ import annotations

import re

from ._paperspace_regions import short

_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def snake(name):
    """Return a field's name as Ansible writes it: `publicIpType` becomes `public_ip_type`."""
    return _CAPITAL.sub("_", name).lower()


def plain(thing):
    """Return what the API says of something with all names in snake case, those within lists and maps too."""
    if isinstance(thing, dict):
        return {snake(name): plain(value) for name, value in thing.items()}
    if isinstance(thing, list):
        return [plain(one) for one in thing]
    return thing


def described(thing):
    """Return a machine or template for people: snake case, its region by the short name."""
    facts = plain(thing)
    if isinstance(facts.get("region"), str):
        facts["region"] = short(facts["region"])
    return facts


def accelerators(machine):
    """Return a machine's accelerators [(name, count)], GPUs as a rule; [] where it has none."""
    found = machine.get("accelerators")
    return [
        (one["name"], one.get("count") if isinstance(one.get("count"), int) else 1)
        for one in (found if isinstance(found, list) else [])
        if isinstance(one, dict) and isinstance(one.get("name"), str) and one["name"]
    ]


def gigabytes(total):
    """Return the size of a disk of `total` bytes as it was ordered, None where it is not known.

    The API calls `storageTotal` an amount (int64) without a unit; older examples have 53687091200 for 50. A number too
    small for bytes is taken for gigabytes.
    """
    if not isinstance(total, (int, float)) or total <= 0:
        return None
    if total < 1 << 20:
        return int(total)
    if total % 10**9 == 0 and total % (1 << 30):
        return int(total // 10**9)
    return round(total / (1 << 30))
