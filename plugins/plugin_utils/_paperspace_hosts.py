# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paperspace's machines as hosts of an inventory: their names, addresses, variables and groups. Pure.

Whoever may name a machine of the team writes these strings, so none of them may become more than data: names and groups
are made of safe letters, an address is one or is left out, and every variable begins with `paperspace_`.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import re

from ..module_utils._paperspace_facts import accelerators, described
from ..module_utils._paperspace_regions import short

#: What group_by knows, with the word in the groups' names.
KINDS = {
    "state": "state",
    "region": "region",
    "machine_type": "type",
    "gpu": "gpu",
    "os": "os",
    "template": "template",
    "network": "network",
}
#: Names that mean something else in an inventory, as patterns or as groups.
_RESERVED = ("all", "ungrouped", "localhost", "127.0.0.1", "::1", "_meta")
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
_VARIABLE = re.compile(r"[a-z][a-z0-9_]*")
_ADDRESSES = {
    "public_ip": ("publicIp",),
    "private_ip": ("privateIp",),
    "public_or_private_ip": ("publicIp", "privateIp"),
    "name": (),
}


def safe_name(text):
    """Return a text as a host's name, of letters, digits, `_`, and in the middle `.` and `-`; may be ''."""
    return _UNSAFE.sub("_", str(text)).strip("._-")


def safe_group(kind, value):
    """Return the name of a group such as `paperspace_type_a100_80gx8`."""
    slug = re.sub(r"[^a-z0-9]+", "_", str(value).lower()).strip("_")
    return f"paperspace_{KINDS[kind]}_{slug or 'none'}"


def host_names(machines, is_taken):
    """Return {id: host's name} for machines, and the names (list) that could not be had as they are.

    A name that two have, that means something else, or that is taken, gets the id after it, for all that have it.

    is_taken: called with (name, machine), tells whether something else in the inventory has that name.
    """
    wanted = {machine["id"]: safe_name(machine.get("name") or "") for machine in machines}
    counts = {}
    for name in wanted.values():
        counts[name] = counts.get(name, 0) + 1
    names, changed = {}, []
    for machine in machines:
        name = wanted[machine["id"]]
        if not name or counts[name] > 1 or name.lower() in _RESERVED or is_taken(name, machine):
            name = "-".join(part for part in (name, safe_name(machine["id"])) if part)
            changed.append(name)
        names[machine["id"]] = name
    return names, changed


def address(machine, connect_with):
    """Return what ansible_host is to be, None where it is to be left alone.

    A machine without the address that is asked for gets a name that no resolver knows (RFC 2606): its bare name could
    belong to somebody else.
    """
    fields = _ADDRESSES[connect_with]
    for field in fields:
        try:
            return str(ipaddress.ip_address(str(machine.get(field))))
        except ValueError:
            continue
    if not fields:
        return None
    return f"{safe_name(machine['id'])}.no-{connect_with.replace('_', '-')}.invalid"


def facts(machine, networks, templates):
    """Return a machine's variables. networks: {id: name}; templates: those that were made of it (list of dict)."""
    said = described(machine)
    gpus = accelerators(machine)
    said["gpus"] = list(dict.fromkeys(name for name, _count in gpus))
    said["gpu_count"] = sum(count for _name, count in gpus)
    said["network"] = networks.get(machine.get("networkId"), machine.get("networkId") or "")
    said["templates"] = [{"id": one["id"], "name": one.get("name")} for one in templates]
    return {f"paperspace_{name}": value for name, value in said.items() if _VARIABLE.fullmatch(name)}


def groups(variables, kinds):
    """Return the names of the groups (list) of these kinds that a host with these variables (of `facts`) is in."""
    values = {
        "state": [variables.get("paperspace_state")],
        "region": [variables.get("paperspace_region")],
        "machine_type": [variables.get("paperspace_machine_type")],
        "gpu": variables["paperspace_gpus"] or ["none"],
        "os": [variables.get("paperspace_os")],
        "template": [one["name"] for one in variables["paperspace_templates"]],
        "network": [variables["paperspace_network"]],
    }
    found = [safe_group(kind, value) for kind in kinds for value in values[kind] if value]
    return list(dict.fromkeys(found))


class Filters:
    """Which machines are hosts: those that match every filter that is not empty."""

    def __init__(self, states=(), regions=(), machine_types=(), agent_types=(), names=(), networks=()):
        """All lists of str; names may have the wildcards `*`, `?` and `[...]`; networks are names or ids."""
        self._exact = {"state": _lower(states), "machineType": _lower(machine_types), "agentType": _lower(agent_types)}
        self._regions = [short(region) for region in regions]
        self._names, self._networks = list(names), list(networks)

    def match(self, machine, networks):
        """Tell whether a machine is wanted. networks: {id: name}."""
        for field, wanted in self._exact.items():
            if wanted and str(machine.get(field)).lower() not in wanted:
                return False
        if self._regions and short(machine.get("region")) not in self._regions:
            return False
        network = machine.get("networkId")
        if self._networks and not {network, networks.get(network)} & set(self._networks):
            return False
        name = str(machine.get("name"))
        return not self._names or any(fnmatch.fnmatchcase(name, pattern) for pattern in self._names)


def _lower(texts):
    return [str(text).lower() for text in texts]
