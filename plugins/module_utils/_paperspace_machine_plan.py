# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a machine is to be against what it is: the fields to set, and those that cannot be. Pure; no Ansible import."""

from __future__ import annotations

from ._paperspace_errors import PaperspaceError
from ._paperspace_facts import gigabytes
from ._paperspace_machines import label, require_region

#: Options and their fields in the API: those that can be set later, too.
SETTABLE = {
    "machine_type": "machineType",
    "disk_size": "diskSize",
    "network_id": "networkId",
    "public_ip_type": "publicIpType",
    "auto_shutdown_enabled": "autoShutdownEnabled",
    "auto_shutdown_timeout": "autoShutdownTimeout",
    "auto_shutdown_force": "autoShutdownForce",
    "auto_snapshot_enabled": "autoSnapshotEnabled",
    "auto_snapshot_frequency": "autoSnapshotFrequency",
    "auto_snapshot_save_count": "autoSnapshotSaveCount",
    "restore_point_enabled": "restorePointEnabled",
    "restore_point_frequency": "restorePointFrequency",
}
#: Those that count only while a machine is made: the API does not say them afterwards, or cannot change them.
AT_BIRTH = {
    "name": "name",
    "region": "region",
    "template_id": "templateId",
    "startup_script_id": "startupScriptId",
    "email_password": "emailPassword",
    "take_initial_snapshot": "takeInitialSnapshot",
    "enable_nvlink": "enableNvlink",
    "accessor_ids": "accessorIds",
}
#: What a new one needs.
NEEDED = ("name", "machine_type", "template_id", "region", "disk_size")


def birth(options):
    """Return the API's fields of a new machine. PaperspaceError names the options that lack.

    options: dict, None for what is not given; `start` (bool) tells whether it is to be started.
    """
    lacking = [name for name in NEEDED if options.get(name) in (None, "")]
    if lacking:
        names = ", ".join("template_id (or template)" if name == "template_id" else name for name in lacking)
        raise PaperspaceError(f"machine {options.get('name')!r} is not there, and to make it {names} must be given.")
    fields = {**AT_BIRTH, **SETTABLE}
    body = {field: options[name] for name, field in fields.items() if options.get(name) is not None}
    body["startOnCreate"] = bool(options["start"])
    return body


def changes(machine, options):
    """Return the API's fields (dict) that a machine's must become. PaperspaceError for what cannot be changed."""
    require_region(machine, options.get("region"))
    fields = {}
    for name, field in SETTABLE.items():
        wanted = options.get(name)
        if wanted is None:
            continue
        if name == "disk_size":
            if _must_grow(machine, wanted):
                fields[field] = wanted
        elif not _is(machine.get(field), wanted):
            fields[field] = wanted
    return fields


def shown(machine, fields):
    """Return the current values (dict) of the fields that `changes` gave, for a diff."""
    return {
        field: gigabytes(machine.get("storageTotal")) if field == "diskSize" else machine.get(field) for field in fields
    }


def _must_grow(machine, wanted):
    now = gigabytes(machine.get("storageTotal"))
    if now is not None and wanted < now:
        raise PaperspaceError(
            f"{label(machine)} has a disk of {now} GB; it can grow, not shrink to {wanted} GB. Leave disk_size out or "
            f"make it at least {now}."
        )
    # A size that the API does not tell cannot be compared, and would be set anew each time.
    return now is not None and now != wanted


def _is(value, wanted):
    """Tell whether a field's value is what is wanted; a switch that was never touched is null."""
    return bool(value) == wanted if isinstance(wanted, bool) else value == wanted
