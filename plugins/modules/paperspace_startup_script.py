#!/usr/bin/python
# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: paperspace_startup_script
short_description: Keeps scripts at Paperspace that machines run when they start
version_added: 0.1.0
author: The ML in a Box authors (@mlinabox)
description:
  - Has a startup script, found by its name. Uses the v1 API.
  - The API never says a script's text. So the script is kept as C(<name>-<digits>), where the digits are the first
    twelve of its text's SHA-256, and another text is told by other digits.
  - A script whose text changes keeps its id, and the machines that it is assigned to keep it.
options:
  name:
    description: The script's name, without the digits.
    type: str
    required: true
  script:
    description: Its text. Required with O(state=present).
    type: str
  run_once:
    description: Whether a machine runs it on its first boot only, and not on every boot.
    type: bool
    default: false
  state:
    description: Whether it is to be there. V(absent) removes it whatever its text is.
    type: str
    choices: [present, absent]
    default: present
attributes:
  idempotent:
    description: Changes nothing where all is as it is asked for.
    support: full
extends_documentation_fragment:
  - mlinabox.core.paperspace
  - mlinabox.core.paperspace.module
  - mlinabox.core.paperspace.changes
notes:
  - Whoever may use a machine may read its startup script there. It is no place for secrets.
seealso:
  - module: mlinabox.core.paperspace_machine
"""

EXAMPLES = r"""
- name: Wait for the network on each boot
  mlinabox.core.paperspace_startup_script:
    name: wait-for-network
    script: |
      #!/bin/sh
      until getent hosts archive.example.org; do sleep 1; done
  delegate_to: localhost
  register: script

- name: A machine with it
  mlinabox.core.paperspace_machine:
    name: trainer-1
    machine_type: C5
    template: Ubuntu 22.04
    region: ny2
    disk_size: 50
    startup_script_id: "{{ script.startup_script.id }}"
  delegate_to: localhost
"""

RETURN = r"""
startup_script:
  description: The script as the API has it, with names in snake case. Empty where there was none.
  returned: always
  type: dict
  sample:
    id: scq8v2n5
    name: wait-for-network-0f343b093112
    is_run_once: false
    is_enabled: true
    assigned_machine_ids: [psb7x2q9k]
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._paperspace_module import arguments, run
from ..module_utils._paperspace_scripts import StartupScripts


def main():
    module = AnsibleModule(
        argument_spec=arguments(
            name={"type": "str", "required": True},
            script={"type": "str"},
            run_once={"type": "bool", "default": False},
            state={"type": "str", "choices": ["present", "absent"], "default": "present"},
        ),
        required_if=[("state", "present", ["script"])],
        supports_check_mode=True,
    )

    def work(api, _waiting, check):
        scripts = StartupScripts(api)
        if module.params["state"] == "absent":
            return scripts.absent(module.params["name"], check)
        return scripts.present(module.params["name"], module.params["script"], module.params["run_once"], check)

    run(module, work)


if __name__ == "__main__":
    main()
