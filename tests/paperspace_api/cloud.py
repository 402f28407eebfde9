"""What is behind the API: machines, templates, networks, scripts and events, which go on as time does."""

from __future__ import annotations

import random
import threading
import time
from datetime import datetime, timedelta, timezone

GIB = 1 << 30
LONG_REGIONS = {"ny2": "East Coast (NY2)", "ca1": "West Coast (CA1)", "ams1": "Europe (AMS1)"}
#: Machine types with their CPUs, GiB of memory, and accelerator (name, count, GiB).
TYPES = {
    "C5": (4, 8, None),
    "P5000": (8, 30, ("Quadro P5000", 1, 16)),
    "A4000": (8, 45, ("RTX A4000", 1, 16)),
    "A100-80Gx8": (96, 640, ("A100-SXM4-80GB", 8, 80)),
}
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


class Refused(Exception):
    """What the API answers with an error."""

    def __init__(self, status, code, message, **more):
        super().__init__(message)
        self.status, self.body = status, {"code": code, "message": message, **more}


class Cloud:
    """A team's things. Times are made up: the API does not say how long it takes."""

    def __init__(self, event_seconds=0.1, boot_seconds=0.1, long_regions=False, driver=None, clock=time.monotonic):
        """event_seconds: an event's length; boot_seconds: from there to `ready`, in two steps.

        long_regions: whether regions are told as `East Coast (NY2)`; driver: does in earnest what a machine is asked
        for, see Driver.
        """
        self.event_seconds, self.boot_seconds, self.long_regions = event_seconds, boot_seconds, long_regions
        self.driver, self._clock = driver or Driver(), clock
        self._random, self.lock = random.Random(4711), threading.RLock()
        self._born = datetime(2026, 1, 1, tzinfo=timezone.utc)
        self._count = 0
        self.machines, self.templates, self.networks, self.scripts, self.events = {}, {}, {}, {}, {}
        self.texts = {}  # scripts' texts, which the API does not say
        self._soon = []  # (when, what to do), as time goes on
        self._fail = []  # (event's name, its error) of events that are to fail
        self.os_templates = {
            one["id"]: one
            for one in (
                self._os_template("t0ubuntu22", "Ubuntu 22.04"),
                self._os_template("t0ubuntu20", "Ubuntu 20.04"),
            )
        }

    # -- for tests --------------------------------------------------------------------------------------------------

    def fail_next(self, event_name, error):
        """Let the next event of that name end in an error."""
        self._fail.append((event_name, error))

    def add_machine(self, name="box", state="ready", machine_type="C5", region="ny2", public_ip_type="dynamic", **more):
        """Have a machine at once. more: other fields of the API's. Returns it."""
        with self.lock:
            machine = self._machine(name, machine_type, region, public_ip_type)
            machine.update(more, state=state)
            self._addresses(machine)
            machine.update(more)
            self.machines[machine["id"]] = machine
            return machine

    def add_machines(self, count):
        """Have many machines, of all types, regions and states of rest."""
        regions, types, states = list(LONG_REGIONS), list(TYPES), ("ready", "off", "serviceready")
        for number in range(count):
            self.add_machine(
                f"box-{number:03}",
                states[number % 3],
                types[number % 4],
                regions[number % 3],
                ("dynamic", "static", "none")[number % 5 % 3],
            )

    def add_network(self, name, region="ny2"):
        with self.lock:
            network = {
                "id": self._id("n"),
                "name": name,
                "region": self._region(region),
                "network": "10.64.0.0",
                "netmask": "255.255.0.0",
                "dtCreated": self._now(),
                "dtDeleted": None,
            }
            self.networks[network["id"]] = network
            return network

    def add_template(self, name, machine, **more):
        with self.lock:
            template = {**self._template(name, machine), **more}
            self.templates[template["id"]] = template
            return template

    # -- requests ---------------------------------------------------------------------------------------------------

    def things(self, name):
        """Return one list's things (dict by id), oldest first."""
        return {
            "machines": self.machines,
            "custom-templates": self.templates,
            "os-templates": self.os_templates,
            "machine-events": self.events,
            "private-networks": self.networks,
            "startup-scripts": self.scripts,
        }[name]

    def one(self, name, thing_id):
        """Return a thing. Refused where there is none, or no longer."""
        thing = self.things(name).get(thing_id)
        if thing is None or thing.get("dtDeleted"):
            raise Refused(404, "NOT_FOUND", f"No {name} with the id {thing_id}")
        return thing

    def create_machine(self, body):
        templates = {**self.os_templates, **self.templates}
        template = templates.get(body["templateId"])
        if template is None:
            raise Refused(404, "NOT_FOUND", "Template not found")
        if template.get("region") and _short(template["region"]) != _short(body["region"]):
            # Made up: that templates are bound to a region is known, how it is said is not.
            raise Refused(400, "BAD_REQUEST", "The template is not available in this region")
        if body["machineType"] not in TYPES:
            raise Refused(400, "BAD_REQUEST", "Invalid machine type", details={"machineType": body["machineType"]})
        machine = self._machine(
            body["name"], body["machineType"], body["region"], body.get("publicIpType", "none"), body["diskSize"]
        )
        machine.update({name: value for name, value in body.items() if name in machine and name != "region"})
        machine["os"] = template["operatingSystemLabel"]
        machine["state"] = "provisioning"
        self.machines[machine["id"]] = machine
        if body.get("startupScriptId"):
            self.one("startup-scripts", body["startupScriptId"])["assignedMachineIds"].append(machine["id"])

        def done():
            if body.get("startOnCreate", True):
                machine["state"] = "starting"
                self._boot(machine)
            else:
                self._set(machine, "off")

        event = self._event("create", machine, done, lambda: self.driver.create(machine, template))
        return {"data": machine, "event": event}

    def update_machine(self, machine, body):
        if "diskSize" in body:
            machine["storageTotal"] = int(body["diskSize"] * GIB)
        upgrades = body.get("machineType") not in (None, machine["machineType"])
        if upgrades and body["machineType"] not in TYPES:
            raise Refused(400, "BAD_REQUEST", "Invalid machine type", details={"machineType": body["machineType"]})
        machine.update({name: value for name, value in body.items() if name in machine})
        machine["dtModified"] = self._now()
        if not upgrades:
            self._addresses(machine)
            return {"data": machine}
        before = machine["state"]
        self._size(machine)
        machine["state"] = "upgrading"
        return {"data": machine, "event": self._event("vm-upgrade", machine, lambda: self._set(machine, before))}

    def power(self, machine, verb):
        wanted = {"start": ("off",), "stop": ("ready", "serviceready"), "restart": ("ready", "serviceready")}[verb]
        if machine["state"] not in wanted:
            # Made up, and strict, so that nobody asks for what is there already.
            raise Refused(409, "CONFLICT", f"The machine is {machine['state']}")
        before = machine["state"]
        machine["state"] = {"start": "starting", "stop": "stopping", "restart": "restarting"}[verb]

        def done():
            if verb == "stop":
                self._set(machine, "off")
            else:
                self._boot(machine)

        work = getattr(self.driver, verb)
        event = self._event(verb, machine, done, lambda: work(machine), lambda: self._set(machine, before))
        return {"data": machine, "event": event}

    def delete_machine(self, machine):
        def done():
            machine["dtDeleted"] = self._now()

        return {"data": machine, "event": self._event("deactivate", machine, done, lambda: self.driver.delete(machine))}

    def create_template(self, body):
        machine = self.one("machines", body["machineId"])
        template = self._template(body["name"], machine)
        self.templates[template["id"]] = template

        def done():
            self._event("template-distribute", machine, lambda: None)

        work = self.driver.template
        return {
            "data": template,
            "event": self._event("template-create", machine, done, lambda: work(machine, template)),
        }

    def create_script(self, body):
        script = {
            "id": self._id("sc"),
            "name": body["name"],
            "description": None,
            "isEnabled": True,
            "isRunOnce": body.get("isRunOnce", False),
            "assignedMachineIds": [],
            "dtCreated": self._now(),
            "dtDeleted": None,
        }
        self.scripts[script["id"]] = script
        self.texts[script["id"]] = body["script"]
        return script

    def update_script(self, script, body):
        self.texts[script["id"]] = body.get("script", self.texts[script["id"]])
        script.update({name: value for name, value in body.items() if name in script})
        return script

    def delete(self, thing):
        thing["dtDeleted"] = self._now()
        return thing

    # -- time -------------------------------------------------------------------------------------------------------

    def go_on(self):
        """Let everything happen that is due."""
        while True:
            due = [entry for entry in self._soon if entry[0] <= self._clock()]
            if not due:
                return
            for entry in due:
                self._soon.remove(entry)
                entry[1]()

    def _in(self, seconds, what):
        self._soon.append((self._clock() + seconds, what))

    def _event(self, name, machine, done, work=None, undo=None):
        event = {
            "id": str(1000 + len(self.events)),
            "name": name,
            "state": "new",
            "machineId": machine["id"],
            "error": None,
            "dtCreated": self._now(),
            "dtStarted": None,
            "dtFinished": None,
        }
        self.events[event["id"]] = event
        planned = next((one for one in self._fail if one[0] == name), None)
        if planned:
            self._fail.remove(planned)
        job = _Job(work) if work and not planned else None

        def begin():
            event.update(state="in progress", dtStarted=self._now())
            if job:
                job.start()

        def finish():
            if job and job.is_alive():
                self._in(0.02, finish)
                return
            error = planned[1] if planned else job.error if job else None
            event.update(state="error" if error else "done", error=error, dtFinished=self._now())
            if not error:
                machine.update(job.fields if job else {})
                done()
            elif undo:
                undo()

        self._in(self.event_seconds / 4, begin)
        self._in(self.event_seconds, finish)
        return event

    def _boot(self, machine):
        self._in(self.boot_seconds / 2, lambda: self._set(machine, "serviceready"))
        self._in(self.boot_seconds, lambda: self._set(machine, "ready"))

    def _set(self, machine, state):
        machine.update(state=state, dtModified=self._now())
        self._addresses(machine)

    # -- things -----------------------------------------------------------------------------------------------------

    def _machine(self, name, machine_type, region, public_ip_type, disk_size=50):
        machine = {
            "id": self._id("ps"),
            "name": name,
            "state": "off",
            "os": "Ubuntu 22.04",
            "region": self._region(region),
            "machineType": machine_type,
            "agentType": "LinuxHeadless",
            "publicIp": None,
            "publicIpType": public_ip_type,
            "privateIp": None,
            "networkId": None,
            "storageTotal": int(disk_size * GIB),
            "storageUsed": 4 * GIB,
            "storageRate": 0.0069,
            "usageRate": 0.78,
            "autoShutdownEnabled": False,
            "autoShutdownTimeout": None,
            "autoShutdownForce": None,
            "autoSnapshotEnabled": False,
            "autoSnapshotFrequency": None,
            "autoSnapshotSaveCount": None,
            "restorePointEnabled": False,
            "restorePointFrequency": None,
            "restorePointSnapshotId": None,
            "reservation": None,
            "updatesPending": False,
            "dtCreated": self._now(),
            "dtModified": None,
            "dtDeleted": None,
        }
        self._size(machine)
        return machine

    @staticmethod
    def _size(machine):
        cpus, memory, gpu = TYPES[machine["machineType"]]
        machine.update(cpus=cpus, ram=memory * GIB, accelerators=None)
        if gpu:
            machine["accelerators"] = [{"name": gpu[0], "count": gpu[1], "memory": gpu[2] * GIB}]

    def _addresses(self, machine):
        """A machine has a private address from its first start on; a dynamic public one while it is on."""
        number = sum(ord(letter) * 7**place for place, letter in enumerate(machine["id"][2:7])) % 250 + 1
        is_on = machine["state"] in ("ready", "serviceready")
        if is_on and not machine["privateIp"]:
            machine["privateIp"] = f"10.64.{len(self.machines) % 250}.{number}"
        kind = machine["publicIpType"]
        if kind == "static" or (kind == "dynamic" and is_on):
            machine["publicIp"] = machine["publicIp"] or f"198.51.100.{number}"
        else:
            machine["publicIp"] = None

    def _template(self, name, machine):
        return {
            "id": self._id("t"),
            "name": name,
            "region": machine["region"],
            "parentMachineId": machine["id"],
            "defaultSizeGb": machine["storageTotal"] // GIB,
            "operatingSystemLabel": machine["os"],
            "agentType": machine["agentType"],
            "availableMachineTypes": [{"machineTypeLabel": name, "isAvailable": True} for name in TYPES],
            "dtCreated": self._now(),
            "dtDeleted": None,
        }

    def _os_template(self, template_id, label):
        return {
            "id": template_id,
            "name": f"paperspace/{template_id}",
            "defaultSizeGb": 50,
            "operatingSystemLabel": label,
            "agentType": "LinuxHeadless",
            "availableMachineTypes": [{"machineTypeLabel": name, "isAvailable": True} for name in TYPES],
            "dtCreated": self._now(),
        }

    def _region(self, region):
        return LONG_REGIONS.get(_short(region), region) if self.long_regions else _short(region)

    def _id(self, prefix):
        return prefix + "".join(self._random.choice(_ALPHABET) for _letter in range(9))

    def _now(self):
        """A time of its own for each thing, so that they have an order."""
        self._count += 1
        return (self._born + timedelta(seconds=self._count)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


class Driver:
    """Does in earnest what a machine is asked for, in a thread of the event's; this one does nothing.

    Each may return fields to set, such as {"publicIp": "127.0.0.1"}; what is raised is the event's error.
    """

    def create(self, machine, template):
        """Make a machine of a template, started or not."""

    def start(self, machine):
        """Start it."""

    def stop(self, machine):
        """Stop it."""

    def restart(self, machine):
        """Restart it."""

    def delete(self, machine):
        """Remove it."""

    def template(self, machine, template):
        """Make a template of it."""


class _Job(threading.Thread):
    def __init__(self, work):
        super().__init__(daemon=True)
        self._work, self.fields, self.error = work, {}, None

    def run(self):
        try:
            self.fields = self._work() or {}
        except Exception as error:
            self.error = str(error) or type(error).__name__


def _short(region):
    return region.rpartition("(")[2].rstrip(")").lower() if "(" in region else region.lower()
