# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Templates at Paperspace: found by name, made from a machine once, removed. No Ansible import.

A template belongs to a region. The API gives it no state: only the events of the machine that it was made from
(`template-create`, `template-distribute`) tell whether it is finished.
"""

from __future__ import annotations

from datetime import datetime

from ._paperspace_errors import ApiError, PaperspaceError, one_line
from ._paperspace_machines import called, envelope, newest_event, recent_events
from ._paperspace_regions import same, short
from ._paperspace_wait import said

_UNFINISHED = ("new", "in progress")
#: Seconds between a template's birth and that of the event that makes it, at the most.
_NEAR = 600


class Templates:
    """The custom templates of a team, and the operating systems' templates."""

    def __init__(self, api, waiting):
        self._api, self._waiting = api, waiting

    def by_id(self, template_id):
        """Return a custom template, or None where there is none (any more)."""
        try:
            template = self._api.get("custom-templates", template_id)
        except ApiError as error:
            if error.missing:
                return None
            raise
        if not isinstance(template, dict) or not isinstance(template.get("id"), str):
            raise ApiError(f"template {template_id}: the API's answer is no template.")
        return None if template.get("dtDeleted") else template

    def by_name(self, name, region=None, option="id"):
        """Return the custom template of that name, or None. PaperspaceError where there are two.

        region: one region's only (str), None for all; option: the module's that tells two apart.
        """

        def here(templates):
            return [one for one in templates if not region or same(one.get("region"), region)]

        found = called(here(self._api.all("custom-templates", name=name)), name, "template", option)
        return found or called(here(self._api.all("custom-templates")), name, "template", option)

    def choose(self, name, region):
        """Return the id of the template to make a machine from: a custom one of the region, or an operating system's.

        name: a custom template's name, or an operating system's as its template is labelled. PaperspaceError says what
        there is.
        """
        custom = self.by_name(name, region, "template_id")
        if custom:
            return custom["id"]
        systems = self._api.all("os-templates")
        found = [one for one in systems if name in (one.get("name"), one.get("operatingSystemLabel"))]
        if len(found) == 1:
            return found[0]["id"]
        if found:
            ids = ", ".join(sorted(f"{one['id']} ({one.get('name')})" for one in found))
            raise PaperspaceError(f"{len(found)} templates are for {name!r}: {ids}. Say which one with template_id.")
        ours = sorted(str(t.get("name")) for t in self._api.all("custom-templates") if same(t.get("region"), region))
        there = ", ".join([*ours, *sorted({str(one.get("operatingSystemLabel")) for one in systems})])
        raise PaperspaceError(f"no template {name!r} is in {short(region)}; there are: {one_line(there) or 'none'}.")

    def create(self, machine, name):
        """Make a template, once. Returns (template, event)."""
        known = {event["id"] for event in recent_events(self._api, machine["id"])}

        def made():
            template = self.by_name(name, machine.get("region"))
            event = newest_event(self._api, machine["id"], "template-create", known)
            return template and {"data": template, "event": event}

        body = {"machineId": machine["id"], "name": name}
        answer = self._api.change("POST", ["custom-templates"], body, made)
        return envelope(answer, f"template {name!r}")

    def rename(self, template, name):
        """Give a template another name. Returns it."""
        return self._api.put("custom-templates", template["id"], name=name)

    def wait_gone(self, template):
        """Wait until a template is not there any more."""

        def look():
            return (True, "") if self.by_id(template["id"]) is None else (None, "is still there")

        self._waiting.until(look, label(template))

    def remove(self, template):
        """Remove a template; one that is gone already is as good."""

        def gone():
            return {} if self.by_id(template["id"]) is None else None

        try:
            self._api.change("DELETE", ["custom-templates", template["id"]], None, gone)
        except ApiError as error:
            if not error.missing:
                raise

    def wait_made(self, template, event):
        """Wait until a template is made. EventError with the event's words where it fails.

        event: of its making, or None where it is not known any more.
        """
        event = event or self._unfinished(template)
        waited = set()
        while event:
            self._waiting.event(event, label(template))
            waited.add(event["id"])
            # One event follows from the other: its distribution begins when it has been made.
            event = self._unfinished(template, waited)

    def _unfinished(self, template, but=()):
        """Return an event of a template's making that is not at its end, or None. but: ids of those not to return."""
        making = [one for one in self._making(template) if one["id"] not in but and one.get("state") in _UNFINISHED]
        return making[0] if making else None

    def failure(self, template):
        """Return how a template's making failed, one sentence, '' where it did not as far as can be told."""
        failed = [event for event in self._making(template) if event.get("state") in ("error", "cancelled")]
        return said(failed[0]) if failed else ""

    def _making(self, template):
        """Return the events that made a template, as far as they can be told by their times."""
        parent, born = template.get("parentMachineId"), _moment(template)
        if not parent or born is None:
            return []
        try:
            events = self._api.all("machine-events", machineId=parent)
        except ApiError as error:
            # The machine may be long gone, and its events with it.
            if error.missing:
                return []
            raise
        timed = [(abs((_moment(event) - born).total_seconds()), event) for event in events if _moment(event)]
        # An event does not name its template. A machine makes one at a time, so the nearest is the one.
        creating = [(gap, event["id"], event) for gap, event in timed if event.get("name") == "template-create"]
        near = [min(creating)[2]] if creating and min(creating)[0] <= _NEAR else []
        return near + [event for _gap, event in timed if _distributes(event, born)]


def _distributes(event, born):
    return event.get("name") == "template-distribute" and event.get("state") in _UNFINISHED and _moment(event) >= born


def _moment(thing):
    """Return when something was made, None where that cannot be read."""
    try:
        return datetime.strptime(str(thing.get("dtCreated"))[:19], "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return None


def label(template):
    """Return a template's name and id for a sentence."""
    return f"template {template.get('name')!r} ({template.get('id')})"
