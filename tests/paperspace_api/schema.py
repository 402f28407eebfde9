"""The fields of the API's things and requests: what the stand-in answers is held against them, and what it is asked.

A field is a type, or a tuple of the values that it may have; `Maybe` adds null.
"""

from __future__ import annotations


class Maybe:
    """A field that may be null."""

    def __init__(self, kind):
        self.kind = kind


class Each:
    """A list of one kind of thing."""

    def __init__(self, kind):
        self.kind = kind


NUMBER = (int, float)
STATES = ("off", "starting", "stopping", "restarting", "serviceready", "ready", "upgrading", "provisioning")
EVENT_STATES = ("new", "in progress", "done", "error", "cancelled")
IP_TYPES = ("static", "dynamic", "none")
FREQUENCIES = ("hourly", "daily", "weekly", "monthly")

MACHINE = {
    "id": str,
    "name": str,
    "state": STATES,
    "os": str,
    "region": str,
    "machineType": str,
    "agentType": str,
    "cpus": int,
    "ram": int,
    "accelerators": Maybe(Each({"name": str, "count": int, "memory": Maybe(int)})),
    "publicIp": Maybe(str),
    "publicIpType": IP_TYPES,
    "privateIp": Maybe(str),
    "networkId": Maybe(str),
    "storageTotal": int,
    "storageUsed": int,
    "storageRate": NUMBER,
    "usageRate": NUMBER,
    "autoShutdownEnabled": bool,
    "autoShutdownTimeout": Maybe(int),
    "autoShutdownForce": Maybe(bool),
    "autoSnapshotEnabled": bool,
    "autoSnapshotFrequency": Maybe(FREQUENCIES),
    "autoSnapshotSaveCount": Maybe(int),
    "restorePointEnabled": bool,
    "restorePointFrequency": Maybe(("shutdown",)),
    "restorePointSnapshotId": Maybe(str),
    "reservation": Maybe(dict),
    "updatesPending": bool,
    "dtCreated": str,
    "dtModified": Maybe(str),
    "dtDeleted": Maybe(str),
}
TEMPLATE = {
    "id": str,
    "name": str,
    "region": str,
    "parentMachineId": str,
    "defaultSizeGb": int,
    "operatingSystemLabel": str,
    "agentType": str,
    "availableMachineTypes": Each({"machineTypeLabel": str, "isAvailable": bool}),
    "dtCreated": str,
    "dtDeleted": Maybe(str),
}
OS_TEMPLATE = {
    "id": str,
    "name": str,
    "defaultSizeGb": Maybe(int),
    "operatingSystemLabel": str,
    "agentType": str,
    "availableMachineTypes": Each({"machineTypeLabel": str, "isAvailable": bool}),
    "dtCreated": str,
}
EVENT = {
    "id": str,
    "name": str,
    "state": EVENT_STATES,
    "machineId": Maybe(str),
    "error": Maybe(str),
    "dtCreated": str,
    "dtStarted": Maybe(str),
    "dtFinished": Maybe(str),
}
NETWORK = {
    "id": str,
    "name": str,
    "region": str,
    "network": str,
    "netmask": str,
    "dtCreated": str,
    "dtDeleted": Maybe(str),
}
SCRIPT = {
    "id": str,
    "name": str,
    "description": Maybe(str),
    "isEnabled": bool,
    "isRunOnce": bool,
    "assignedMachineIds": Each(str),
    "dtCreated": str,
    "dtDeleted": Maybe(str),
}

_SETTINGS = {
    "machineType": str,
    "diskSize": NUMBER,
    "networkId": str,
    "publicIpType": IP_TYPES,
    "autoShutdownEnabled": bool,
    "autoShutdownTimeout": NUMBER,
    "autoShutdownForce": bool,
    "autoSnapshotEnabled": bool,
    "autoSnapshotFrequency": FREQUENCIES,
    "autoSnapshotSaveCount": NUMBER,
    "restorePointEnabled": bool,
    "restorePointFrequency": ("shutdown",),
}
#: What a request may hold, and what it must.
REQUESTS = {
    ("POST", "machines"): (
        {
            **_SETTINGS,
            "name": str,
            "templateId": str,
            "region": str,
            "startOnCreate": bool,
            "startupScriptId": str,
            "emailPassword": bool,
            "takeInitialSnapshot": bool,
            "enableNvlink": bool,
            "accessorIds": Each(str),
        },
        {"name", "machineType", "templateId", "region", "diskSize"},
    ),
    ("PUT", "machines"): ({**_SETTINGS, "name": str, "restorePointSnapshotId": str}, set()),
    ("PATCH", "machines"): ({}, set()),
    ("POST", "custom-templates"): ({"machineId": str, "name": str}, {"machineId", "name"}),
    ("PUT", "custom-templates"): ({"name": str}, {"name"}),
    ("POST", "startup-scripts"): ({"name": str, "script": str, "isRunOnce": bool}, {"name", "script"}),
    ("PUT", "startup-scripts"): ({"name": str, "script": str, "isRunOnce": bool, "isEnabled": bool}, set()),
}
#: What a list may be asked for, besides after, limit, orderBy and order; and what it may be ordered by.
LISTS = {
    "machines": (("name", "region", "agentType", "machineType"), ("dtCreated", "name", "state")),
    "custom-templates": (("name", "machineId"), ("dtCreated", "name")),
    "os-templates": (("name",), ("name",)),
    "machine-events": (("machineId",), ("dtCreated",)),
    "private-networks": (("name", "region"), ("dtCreated", "name")),
    "startup-scripts": (("name",), ("dtCreated", "name")),
}
THINGS = {
    "machines": MACHINE,
    "custom-templates": TEMPLATE,
    "os-templates": OS_TEMPLATE,
    "machine-events": EVENT,
    "private-networks": NETWORK,
    "startup-scripts": SCRIPT,
}


def faults(value, kind, where=""):
    """Yield what is wrong with a value, as {"path": [...], "message": ...}; a map has to have all its fields."""
    if isinstance(kind, Maybe):
        if value is not None:
            yield from faults(value, kind.kind, where)
    elif isinstance(kind, Each):
        if not isinstance(value, list):
            yield _fault(where, "is no list")
        for number, one in enumerate(value if isinstance(value, list) else []):
            yield from faults(one, kind.kind, f"{where}.{number}")
    elif isinstance(kind, dict):
        if not isinstance(value, dict):
            yield _fault(where, "is no object")
            return
        for name in sorted(set(value) ^ set(kind)):
            yield _fault(f"{where}.{name}", "is not known" if name in value else "is required")
        for name in set(value) & set(kind):
            yield from faults(value[name], kind[name], f"{where}.{name}")
    elif isinstance(kind, tuple) and kind and isinstance(kind[0], str):
        if value not in kind:
            yield _fault(where, f"is none of {', '.join(kind)}")
    elif not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        yield _fault(where, "has the wrong type")


def request_faults(method, name, body):
    """Return what is wrong with a request's body, a list as `faults` gives."""
    if (method, name) not in REQUESTS:
        return []
    fields, needed = REQUESTS[method, name]
    if not isinstance(body, dict):
        return [_fault("", "is no object")]
    wanted = {field: kind for field, kind in fields.items() if field in body or field in needed}
    return list(faults(body, wanted))


def _fault(where, message):
    return {"path": [part for part in where.split(".") if part], "message": message}
