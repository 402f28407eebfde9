# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Machines at Paperspace: found by name, made once, changed, started and stopped. No Ansible import.

States [the API's reference]: off, provisioning, starting, restarting, stopping, upgrading, serviceready (its services
are up, its agent is not), ready (logins are taken).
"""

from __future__ import annotations

from ._paperspace_errors import ApiError, PaperspaceError
from ._paperspace_pages import LIMIT, collect
from ._paperspace_regions import same, short

#: What a power request's state looks like once it has been taken.
_TAKEN = {"start": ("starting", "serviceready", "ready"), "stop": ("stopping", "off"), "restart": ("restarting",)}
#: States in which a machine stays until it is asked to leave them.
AT_REST = ("off", "serviceready", "ready")
_EVENTS = {"create": "create", "start": "start", "stop": "stop", "restart": "restart", "delete": "deactivate"}


def called(things, name, kind, option="id"):
    """Return the one of `things` with that very name, None where there is none. PaperspaceError where there are two.

    kind: what they are, for the sentence; option: the module's that tells them apart.
    """
    found = [thing for thing in things if thing.get("name") == name]
    if len(found) > 1:
        ids = ", ".join(sorted(f"{thing['id']} ({short(thing.get('region')) or 'no region'})" for thing in found))
        raise PaperspaceError(f"{len(found)} {kind}s are called {name!r}: {ids}. Say which one with {option}.")
    return found[0] if found else None


def envelope(answer, what):
    """Return (thing, event or None) of a change's answer `{data, event}`. ApiError where it is none."""
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, dict) or not isinstance(data.get("id"), str):
        raise ApiError(f"{what}: the API's answer has no `data` with an id in it.")
    event = answer.get("event")
    return data, event if isinstance(event, dict) else None


def recent_events(api, machine_id):
    """Return a machine's last events (list of dict), newest first; a page of them."""
    page = api.get("machine-events", machineId=machine_id, limit=LIMIT, orderBy="dtCreated", order="desc")
    return collect(lambda _cursor: {**page, "hasMore": False} if isinstance(page, dict) else page, "machine-events")


def newest_event(api, machine_id, name, known=()):
    """Return a machine's newest event of that name whose id is not in `known`, or None."""
    events = recent_events(api, machine_id)
    return next((one for one in events if one.get("name") == name and one["id"] not in known), None)


class Machines:
    """The machines that a key reaches."""

    def __init__(self, api, waiting, ready=("ready",)):
        """api: Api; waiting: Waiting; ready: the states in which a machine counts as started."""
        self._api, self._waiting, self.ready = api, waiting, tuple(ready)

    # -- looking ----------------------------------------------------------------------------------------------------

    def by_id(self, machine_id):
        """Return a machine, or None where there is none (any more)."""
        try:
            machine = self._api.get("machines", machine_id)
        except ApiError as error:
            if error.missing:
                return None
            raise
        if not isinstance(machine, dict) or not isinstance(machine.get("id"), str):
            raise ApiError(f"machine {machine_id}: the API's answer is no machine.")
        return None if machine.get("dtDeleted") else machine

    def by_name(self, name, option="id"):
        """Return the machine of that name, or None. PaperspaceError where there are two.

        option: the module's that tells two apart.
        """
        found = called(self._api.all("machines", name=name), name, "machine", option)
        # How the API's own filter compares is not said; that something is not there is not taken from it.
        return found or called(self._api.all("machines"), name, "machine", option)

    def again(self, machine):
        """Return a machine as it is now. PaperspaceError where it is gone."""
        now = self.by_id(machine["id"])
        if now is None:
            raise PaperspaceError(f"{label(machine)} is gone.")
        return now

    # -- changing ---------------------------------------------------------------------------------------------------

    def create(self, body):
        """Make a machine, once. body: the API's fields. Returns (machine, event)."""
        name, asked_again = body["name"], []

        def made():
            asked_again.append(True)
            machine = self.by_name(name)
            return machine and {"data": machine, "event": newest_event(self._api, machine["id"], _EVENTS["create"])}

        what = f"machine {name!r}"
        machine, event = envelope(self._api.change("POST", ["machines"], body, made), what)
        if asked_again:
            # The list may have lagged behind: then there are two now, and this says so.
            self.by_name(name)
        return machine, event

    def update(self, machine, fields):
        """Set a machine's fields (dict, the API's names). Returns (machine, event or None)."""
        return envelope(self._api.put("machines", machine["id"], **fields), label(machine))

    def power(self, machine, verb):
        """Ask for `start`, `stop` or `restart`, once. Returns (machine, event)."""
        machine_id, name = machine["id"], _EVENTS[verb]
        known = {event["id"] for event in recent_events(self._api, machine_id)}

        def taken():
            event, now = newest_event(self._api, machine_id, name, known), self.again(machine)
            return {"data": now, "event": event} if event or now.get("state") in _TAKEN[verb] else None

        answer = self._api.change("PATCH", ["machines", machine_id, verb], {}, taken)
        return envelope(answer, label(machine))

    def remove(self, machine):
        """Ask for a machine's end. Returns its event, None where it is gone already."""
        machine_id = machine["id"]
        known = {event["id"] for event in recent_events(self._api, machine_id)}

        def gone():
            now = self.by_id(machine_id)
            event = now and newest_event(self._api, machine_id, _EVENTS["delete"], known)
            return {"data": machine, "event": event} if now is None or event else None

        try:
            answer = self._api.change("DELETE", ["machines", machine_id], None, gone)
        except ApiError as error:
            if error.missing:
                return None
            raise
        return envelope(answer, label(machine))[1]

    # -- waiting ----------------------------------------------------------------------------------------------------

    def wait_event(self, machine, event):
        """Wait for the end of an event of the machine's. EventError with its words where it fails."""
        self._waiting.event(event, label(machine))

    def wait_state(self, machine, states):
        """Wait until a machine is in one of these states. Returns it."""

        def look():
            now = self.again(machine)
            state = now.get("state")
            return (now if state in states else None), f"is {state}, not {' or '.join(states)}"

        return self._waiting.until(look, label(machine))

    def settled(self, machine, states):
        """Return a machine that is in one of these states, at once where it is."""
        return machine if machine.get("state") in states else self.wait_state(machine, states)

    def wait_gone(self, machine):
        """Wait until a machine is not there any more."""

        def look():
            now = self.by_id(machine["id"])
            return (True, "") if now is None else (None, f"is still there, and {now.get('state')}")

        self._waiting.until(look, label(machine))


def label(machine):
    """Return a machine's name and id for a sentence."""
    return f"machine {machine.get('name')!r} ({machine.get('id')})"


def require_region(thing, region, kind="machine"):
    """Raise PaperspaceError where a region (str or None) is asked for and something is in another one."""
    if region and not same(thing.get("region"), region):
        there = short(thing.get("region")) or "no region that is told"
        raise PaperspaceError(
            f"{kind} {thing.get('name')!r} ({thing['id']}) is in {there}, not in {short(region)}, and cannot be moved. "
            f"Take another name, or remove it first."
        )
