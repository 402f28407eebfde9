#!/usr/bin/python
# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: paperspace_template
short_description: Makes templates of machines at Paperspace, and removes them
version_added: 0.1.0
author: The ML in a Box authors (@mlinabox)
description:
  - Has a custom template, found by its name, made of a machine. Uses the v1 API.
  - Waits until it is made. Where that fails, what the event says is said, and the half-made template is removed.
  - A template belongs to the region of its machine. Two templates of one name are an error that names both; O(region)
    or O(id) tells them apart.
options:
  name:
    description:
      - The template's name.
      - With O(id), the name that it is to have.
      - One of O(name) and O(id) is required.
    type: str
  id:
    description: The template's id, for one that is there already.
    type: str
  state:
    description: Whether it is to be there.
    type: str
    choices: [present, absent]
    default: present
  machine:
    description:
      - The name of the machine to make it of. This or O(machine_id) is required for a new template.
      - A template of this name that was made of another machine is an error.
    type: str
  machine_id:
    description: The machine by its id instead. It may be gone where the template is there.
    type: str
  region:
    description: Looks for the template in this region only.
    type: str
attributes:
  idempotent:
    description: Changes nothing where all is as it is asked for.
    support: full
extends_documentation_fragment:
  - mlinabox.core.paperspace
  - mlinabox.core.paperspace.module
  - mlinabox.core.paperspace.wait
  - mlinabox.core.paperspace.changes
notes:
  - Whether a machine must be off is not documented by Paperspace. Stop it first, see
    M(mlinabox.core.paperspace_machine), so that its disk is whole.
seealso:
  - module: mlinabox.core.paperspace_machine
"""

EXAMPLES = r"""
- name: The machine is off, so that its disk is whole
  mlinabox.core.paperspace_machine:
    name: baker
    state: stopped
  delegate_to: localhost

- name: A template of it
  mlinabox.core.paperspace_template:
    name: ml-in-a-box-2026-11
    machine: baker
  delegate_to: localhost
  register: template

- name: A machine made from that
  mlinabox.core.paperspace_machine:
    name: trainer-1
    machine_type: P5000
    template_id: "{{ template.template.id }}"
    region: "{{ template.template.region }}"
    disk_size: 100
  delegate_to: localhost

- name: An older one is gone
  mlinabox.core.paperspace_template:
    name: ml-in-a-box-2026-10
    state: absent
  delegate_to: localhost
"""

RETURN = r"""
template:
  description:
    - The template as the API has it, with names in snake case and its region by the short name. With O(state=absent),
      as it was; empty where there was none. In check mode, as it would be.
    - Also there when the module fails and a template is left.
  returned: always
  type: dict
  sample:
    id: tk3v9x1q
    name: ml-in-a-box-2026-11
    region: ny2
    parent_machine_id: psb7x2q9k
    default_size_gb: 100
    operating_system_label: Ubuntu 22.04
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._paperspace_machines import Machines
from ..module_utils._paperspace_module import WAIT, arguments, run
from ..module_utils._paperspace_template_run import TemplateRun
from ..module_utils._paperspace_templates import Templates


def main():
    module = AnsibleModule(
        argument_spec=arguments(
            **WAIT,
            name={"type": "str"},
            id={"type": "str"},
            state={"type": "str", "choices": ["present", "absent"], "default": "present"},
            machine={"type": "str"},
            machine_id={"type": "str"},
            region={"type": "str"},
        ),
        required_one_of=[("name", "id")],
        mutually_exclusive=[("machine", "machine_id")],
        supports_check_mode=True,
    )

    def work(api, waiting, check):
        return TemplateRun(Machines(api, waiting), Templates(api, waiting), module.params, check).result()

    run(module, work)


if __name__ == "__main__":
    main()
