# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run of the module paperspace_machine: from what is there to what is asked for. No Ansible import."""

from __future__ import annotations

from ._paperspace_errors import ApiError, PaperspaceError
from ._paperspace_facts import described, snake
from ._paperspace_machine_plan import birth, changes, shown
from ._paperspace_machines import AT_REST, label
from ._paperspace_networks import network_id
from ._paperspace_regions import check as check_region

_OFF = ("off", "stopping")
_ON = ("ready", "serviceready", "starting", "restarting")


class MachineRun:
    """Finds, makes, changes, starts, stops or removes one machine."""

    def __init__(self, api, machines, templates, options, check):
        """machines: Machines; templates: Templates; options: the module's (dict); check: change nothing (bool)."""
        self._api, self._machines, self._templates = api, machines, templates
        self._options, self._check = dict(options), check
        self._actions, self._warnings = [], []
        self._before, self._after = {}, {}
        self._last = None

    def result(self):
        """Do it. Returns the module's result (dict). PaperspaceError, ApiError."""
        options = self._options
        if options["region"]:
            check_region(options["region"])
        machine = self._found()
        try:
            if options["state"] == "absent":
                machine = self._absent(machine)
            elif machine is None:
                machine = self._created()
            else:
                machine = self._as_wanted(machine)
        except (PaperspaceError, ApiError) as error:
            # Whoever made it must be able to find it: it is there, and is paid for.
            raise PaperspaceError(str(error), actions=self._actions, machine=described(self._last or {})) from None
        return {
            "changed": bool(self._actions),
            "machine": described(machine) if machine else {},
            "actions": self._actions,
            "diff": {"before": self._before, "after": self._after},
            "warnings": self._warnings,
        }

    def _found(self):
        options = self._options
        if not options["id"]:
            return self._machines.by_name(options["name"])
        machine = self._machines.by_id(options["id"])
        if machine is None and options["state"] != "absent":
            raise PaperspaceError(f"there is no machine with the id {options['id']!r}.")
        return machine

    # -- absent -----------------------------------------------------------------------------------------------------

    def _absent(self, machine):
        if machine is None:
            return None
        self._note("remove", machine, {"name": machine.get("name"), "state": machine.get("state")}, {})
        if not self._check:
            event = self._machines.remove(machine)
            if self._options["wait"]:
                self._machines.wait_event(machine, event)
                self._machines.wait_gone(machine)
        return machine

    # -- made anew --------------------------------------------------------------------------------------------------

    def _created(self):
        options = self._options
        # What lacks is said before the API is asked for names.
        birth({**options, "start": True, "template_id": options["template_id"] or options["template"]})
        if options["template"]:
            options["template_id"] = self._templates.choose(options["template"], options["region"])
        self._find_network(options["region"])
        body = birth({**options, "start": options["state"] != "stopped"})
        planned = {**body, "id": "", "state": "off" if options["state"] == "stopped" else "ready"}
        self._note("create", None, {}, {snake(field): value for field, value in body.items()})
        if self._check:
            return planned
        machine, event = self._machines.create(body)
        self._last = machine
        if options["wait"]:
            self._machines.wait_event(machine, event)
            machine = self._machines.wait_state(machine, self._machines.ready if body["startOnCreate"] else ("off",))
        return machine

    # -- there already ----------------------------------------------------------------------------------------------

    def _as_wanted(self, machine):
        self._find_network(machine.get("region"))
        # Some changes want a machine that is off: stopping comes before them, starting after.
        if self._options["state"] == "stopped":
            return self._updated(self._powered(machine))
        return self._powered(self._updated(machine))

    def _updated(self, machine):
        options = self._options
        fields = changes(machine, options)
        if options["id"] and options["name"] not in (None, machine.get("name")):
            fields["name"] = options["name"]
        if not fields:
            return machine
        names = [snake(field) for field in fields]
        before = {snake(field): value for field, value in shown(machine, fields).items()}
        self._note("update " + ", ".join(names), machine, before, {snake(f): value for f, value in fields.items()})
        if self._check:
            return {**machine, **fields}
        machine, event = self._machines.update(machine, fields)
        self._last = machine
        if options["wait"]:
            self._machines.wait_event(machine, event)
            machine = self._machines.settled(self._machines.again(machine), AT_REST)
            left = [snake(field) for field in changes(machine, options)]
            if left:
                self._warnings.append(
                    f"{label(machine)}: Paperspace took the change and still says otherwise of {', '.join(left)}."
                )
        return machine

    def _powered(self, machine):
        wanted = self._options["state"]
        if wanted == "present":
            return machine
        moves = machine.get("state") in {"started": _ON, "stopped": _OFF}.get(wanted, ())
        # One on its way to where it is to be is waited for, where waiting is asked for; any other one has to arrive
        # somewhere before it can be sent elsewhere.
        if not self._check and (self._options["wait"] or not moves):
            rest = ("off", *self._machines.ready) if wanted == "started" else AT_REST
            machine = self._machines.settled(machine, rest)
        verb = _verb(wanted, machine.get("state"))
        if not verb:
            return machine
        after = "off" if verb == "stop" else "ready"
        self._note(verb, machine, {"state": machine.get("state")}, {"state": after})
        if self._check:
            return {**machine, "state": after}
        machine, event = self._machines.power(machine, verb)
        self._last = machine
        if self._options["wait"]:
            self._machines.wait_event(machine, event)
            machine = self._machines.wait_state(machine, ("off",) if verb == "stop" else self._machines.ready)
        return machine

    # -- all of them ------------------------------------------------------------------------------------------------

    def _find_network(self, region):
        if self._options["network"]:
            self._options["network_id"] = network_id(self._api, self._options["network"], region)

    def _note(self, action, machine, before, after):
        self._last = machine
        self._actions.append(action)
        self._before.update({name: value for name, value in before.items() if name not in self._before})
        self._after.update(after)


def _verb(wanted, state):
    """Return what to ask for so that a machine becomes `wanted`, None where nothing is."""
    if wanted == "stopped":
        return None if state in _OFF else "stop"
    if state in _OFF:
        return "start"
    return "restart" if wanted == "restarted" else None
