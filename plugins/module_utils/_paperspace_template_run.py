# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run of the module paperspace_template: from what is there to what is asked for. No Ansible import."""

from __future__ import annotations

from ._paperspace_errors import ApiError, EventError, PaperspaceError
from ._paperspace_facts import described
from ._paperspace_machines import label as machine_label
from ._paperspace_machines import require_region
from ._paperspace_regions import check as check_region
from ._paperspace_templates import label


class TemplateRun:
    """Finds, makes, renames or removes one template."""

    def __init__(self, machines, templates, options, check):
        """machines: Machines; templates: Templates; options: the module's (dict); check: change nothing (bool)."""
        self._machines, self._templates = machines, templates
        self._options, self._check = options, check
        self._before, self._after, self._changed = {}, {}, False

    def result(self):
        """Do it. Returns the module's result (dict). PaperspaceError, ApiError."""
        if self._options["region"]:
            check_region(self._options["region"])
        template = self._absent() if self._options["state"] == "absent" else self._present()
        return {
            "changed": self._changed,
            "template": described(template) if template else {},
            "diff": {"before": self._before, "after": self._after},
        }

    # -- absent -----------------------------------------------------------------------------------------------------

    def _absent(self):
        options = self._options
        if options["id"]:
            template = self._templates.by_id(options["id"])
        else:
            template = self._templates.by_name(options["name"], options["region"])
        if template is None:
            return None
        self._note({"name": template.get("name"), "id": template["id"]}, {})
        if not self._check:
            self._templates.remove(template)
            if options["wait"]:
                self._templates.wait_gone(template)
        return template

    # -- present ----------------------------------------------------------------------------------------------------

    def _present(self):
        options = self._options
        machine = self._machine()
        if options["id"]:
            template = self._templates.by_id(options["id"])
            if template is None:
                raise PaperspaceError(f"there is no template with the id {options['id']!r}.")
        else:
            region = options["region"] or (machine and machine.get("region"))
            template = self._templates.by_name(options["name"], region)
        if template is None:
            return self._made(machine)
        require_region(template, options["region"], "template")
        self._require_parent(template, machine)
        self._require_whole(template)
        if options["name"] and template.get("name") != options["name"]:
            template = self._renamed(template)
        return template

    def _machine(self):
        """Return the machine that is named, None where none is, or where it is gone."""
        options = self._options
        if options["machine_id"]:
            return self._machines.by_id(options["machine_id"])
        return self._machines.by_name(options["machine"], "machine_id") if options["machine"] else None

    def _require_parent(self, template, machine):
        parent, wanted = template.get("parentMachineId"), (machine or {}).get("id") or self._options["machine_id"]
        if wanted and parent and parent != wanted:
            raise PaperspaceError(
                f"{label(template)} is there already, and was made from machine {parent}, not from {wanted}. Take "
                f"another name, or remove it first (state: absent).",
                template=described(template),
            )

    def _require_whole(self, template):
        """Wait for a template that an earlier run, or somebody else, began to make."""
        failure = self._templates.failure(template)
        if failure:
            raise PaperspaceError(
                f"{label(template)} is there and of no use: {failure} Remove it (state: absent) and make it again.",
                template=described(template),
            )
        if self._options["wait"] and not self._check:
            self._templates.wait_made(template, None)

    def _renamed(self, template):
        self._note({"name": template.get("name")}, {"name": self._options["name"]})
        if self._check:
            return {**template, "name": self._options["name"]}
        return self._templates.rename(template, self._options["name"])

    def _made(self, machine):
        name = self._options["name"]
        if machine is None:
            given = self._options["machine_id"] or self._options["machine"]
            why = f"there is no machine {given!r}" if given else "machine or machine_id must say what to make it from"
            raise PaperspaceError(f"template {name!r} is not there, and {why}.")
        require_region(machine, self._options["region"])
        self._note({}, {"name": name, "parent_machine_id": machine["id"]})
        if self._check:
            return {"id": "", "name": name, "region": machine.get("region"), "parentMachineId": machine["id"]}
        template, event = self._templates.create(machine, name)
        if not self._options["wait"]:
            return template
        try:
            self._templates.wait_made(template, event)
        except EventError as error:
            raise PaperspaceError(f"{error} {self._without_half(template)}") from None
        except (ApiError, PaperspaceError) as error:
            raise PaperspaceError(
                f"{error} Of {machine_label(machine)} it is {label(template)} that is being made.",
                template=described(template),
            ) from None
        return self._templates.by_id(template["id"]) or template

    def _without_half(self, template):
        """Remove what this run began and what will never be whole. Returns a sentence."""
        try:
            self._templates.remove(template)
        except ApiError as error:
            return f"The half-made {label(template)} could not be removed, and is still there: {error}"
        return f"The half-made {label(template)} was removed."

    def _note(self, before, after):
        self._changed, self._before, self._after = True, before, after
