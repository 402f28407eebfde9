#!/usr/bin/python
# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: paperspace_info
short_description: Lists what a team has at Paperspace
version_added: 0.1.0
author: The ML in a Box authors (@mlinabox)
description:
  - Lists machines, templates, private networks, startup scripts and the events of machines. Uses the v1 API.
options:
  gather:
    description: What to list. Each is a request or more.
    type: list
    elements: str
    choices: [machines, templates, os_templates, networks, startup_scripts, events]
    default: [machines]
  name:
    description: Only what has this very name. Does not count for V(events).
    type: str
  region:
    description: Only what is in this region, and what belongs to none.
    type: str
  machine_id:
    description: Of V(events), those of this machine only. Of V(templates), those that were made of it only.
    type: str
extends_documentation_fragment:
  - mlinabox.core.paperspace
  - mlinabox.core.paperspace.module
  - mlinabox.core.read_only
"""

EXAMPLES = r"""
- name: The machines in one region
  mlinabox.core.paperspace_info:
    region: ny2
  delegate_to: localhost
  register: there

- name: Their states
  ansible.builtin.debug:
    msg: "{{ there.machines | items2dict(key_name='name', value_name='state') }}"

- name: From what a machine can be made
  mlinabox.core.paperspace_info:
    gather: [templates, os_templates]
  delegate_to: localhost
"""

RETURN = r"""
machines:
  description: The machines, as M(mlinabox.core.paperspace_machine) returns one.
  returned: where O(gather) has it
  type: list
  elements: dict
templates:
  description: The custom templates, as M(mlinabox.core.paperspace_template) returns one.
  returned: where O(gather) has it
  type: list
  elements: dict
os_templates:
  description: The templates of operating systems.
  returned: where O(gather) has it
  type: list
  elements: dict
  sample: [{"id": "tkni3aa4", "name": "paperspace/tkni3aa4", "operating_system_label": "Ubuntu 22.04"}]
networks:
  description: The private networks.
  returned: where O(gather) has it
  type: list
  elements: dict
  sample: [{"id": "nx1f0wq", "name": "lab", "region": "ny2", "network": "10.64.0.0", "netmask": "255.255.0.0"}]
startup_scripts:
  description: The startup scripts, without their texts, which the API does not say.
  returned: where O(gather) has it
  type: list
  elements: dict
events:
  description: What happened to machines, oldest first.
  returned: where O(gather) has it
  type: list
  elements: dict
  sample: [{"id": "1017", "name": "start", "state": "done", "machine_id": "psb7x2q9k", "error": null}]
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._paperspace_facts import described
from ..module_utils._paperspace_module import arguments, run
from ..module_utils._paperspace_regions import check as check_region
from ..module_utils._paperspace_regions import same

LISTS = {
    "machines": "machines",
    "templates": "custom-templates",
    "os_templates": "os-templates",
    "networks": "private-networks",
    "startup_scripts": "startup-scripts",
    "events": "machine-events",
}


def is_wanted(thing, name, region):
    """Tell whether something has this name, and this region or none."""
    if name is not None and thing.get("name") != name:
        return False
    return not region or not thing.get("region") or same(thing["region"], region)


def main():
    module = AnsibleModule(
        argument_spec=arguments(
            gather={"type": "list", "elements": "str", "choices": list(LISTS), "default": ["machines"]},
            name={"type": "str"},
            region={"type": "str"},
            machine_id={"type": "str"},
        ),
        supports_check_mode=True,
    )
    params = module.params

    def work(api, _waiting, _check):
        if params["region"]:
            check_region(params["region"])
        found = {"changed": False}
        for what in params["gather"]:
            name = None if what == "events" else params["name"]
            machine_id = params["machine_id"] if what in ("events", "templates") else None
            things = api.all(LISTS[what], machineId=machine_id)
            found[what] = [described(thing) for thing in things if is_wanted(thing, name, params["region"])]
        return found

    run(module, work)


if __name__ == "__main__":
    main()
