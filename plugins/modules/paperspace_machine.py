#!/usr/bin/python
# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: paperspace_machine
short_description: Makes, starts, stops and removes machines at Paperspace
version_added: 0.1.0
author: The ML in a Box authors (@mlinabox)
description:
  - Has a machine at Paperspace as it is asked for, found by its name. Uses the v1 API.
  - Waits for the event of each change, and for the state that follows from it. What an event says of a failure is said.
  - Two machines of one name are an error that names both; O(id) tells them apart.
options:
  name:
    description:
      - The machine's name.
      - With O(id), the name that it is to have.
      - One of O(name) and O(id) is required.
    type: str
  id:
    description: The machine's id, for one that is there already.
    type: str
  state:
    description:
      - V(present) has the machine, and leaves one that is there on or off as it is. A new one is started.
      - V(started) and V(stopped) have it, and have it on or off.
      - V(restarted) restarts it, or starts one that is off. A new one is only started.
      - V(absent) removes it with its disk.
    type: str
    choices: [present, started, stopped, restarted, absent]
    default: present
  machine_type:
    description:
      - Its type, such as V(C5), V(P5000) or V(A100-80G). Required for a new machine.
      - One that is there is changed to it.
    type: str
  disk_size:
    description: Size of its disk in GB. Required for a new machine. One that is there can grow, not shrink.
    type: int
  region:
    description: Its region. Required for a new machine. One that is there in another one is an error.
    type: str
  template_id:
    description:
      - The id of the template to make it from. This or O(template) is required for a new machine.
      - The API does not say what a machine was made from, so of one that is there it is not compared.
    type: str
  template:
    description:
      - The template by its name instead. A custom template of O(region), or that of an operating system, such as
        V(Ubuntu 22.04).
    type: str
  network_id:
    description: The id of the private network that it is to be in.
    type: str
  network:
    description: The private network by its name instead, in the machine's region.
    type: str
  public_ip_type:
    description: Which public address it is to have.
    type: str
    choices: [static, dynamic, none]
  startup_script_id:
    description: The id of a startup script for a new machine, see M(mlinabox.core.paperspace_startup_script).
    type: str
  auto_shutdown_enabled:
    description: Whether it is shut down after some time.
    type: bool
  auto_shutdown_timeout:
    description: After how many hours.
    type: int
  auto_shutdown_force:
    description: Whether it is shut down even while it is used.
    type: bool
  auto_snapshot_enabled:
    description: Whether snapshots are made of it by themselves.
    type: bool
  auto_snapshot_frequency:
    description: How often.
    type: str
    choices: [hourly, daily, weekly, monthly]
  auto_snapshot_save_count:
    description: How many are kept.
    type: int
  restore_point_enabled:
    description: Whether it goes back to a snapshot.
    type: bool
  restore_point_frequency:
    description: When it does.
    type: str
    choices: [shutdown]
  take_initial_snapshot:
    description: Whether a snapshot is made of a new machine.
    type: bool
  email_password:
    description: Whether a new machine's password is sent by mail. Where it is not given, Paperspace sends it.
    type: bool
  enable_nvlink:
    description: Whether a new machine has NVLink.
    type: bool
  accessor_ids:
    description: The ids of users who may use a new machine.
    type: list
    elements: str
  wait_for:
    description:
      - When a machine counts as started. V(ready) is when it takes logins; V(serviceready) is when its services are up,
        for a system whose template has no agent of Paperspace's.
    type: str
    choices: [ready, serviceready]
    default: ready
attributes:
  idempotent:
    description: Changes nothing where all is as it is asked for.
    support: partial
    details: O(state=restarted) restarts each time.
extends_documentation_fragment:
  - mlinabox.core.paperspace
  - mlinabox.core.paperspace.module
  - mlinabox.core.paperspace.wait
  - mlinabox.core.paperspace.changes
seealso:
  - module: mlinabox.core.paperspace_template
  - plugin: mlinabox.core.paperspace
    plugin_type: inventory
"""

EXAMPLES = r"""
- name: A machine with a GPU, started and taking logins
  mlinabox.core.paperspace_machine:
    name: trainer-1
    state: started
    machine_type: P5000
    template: Ubuntu 22.04
    region: ny2
    disk_size: 100
    public_ip_type: dynamic
    auto_shutdown_enabled: true
    auto_shutdown_timeout: 8
  delegate_to: localhost
  register: trainer

- name: Its address
  ansible.builtin.debug:
    msg: "{{ trainer.machine.public_ip }}"

- name: Off for the night
  mlinabox.core.paperspace_machine:
    name: trainer-1
    state: stopped
  delegate_to: localhost

- name: One of two of the same name, gone with its disk
  mlinabox.core.paperspace_machine:
    id: psb7x2q9k
    state: absent
  delegate_to: localhost
"""

RETURN = r"""
machine:
  description:
    - The machine as the API has it, with names in snake case and its region by the short name. With O(state=absent), as
      it was; empty where there was none. In check mode, as it would be.
    - Also there when the module fails after it began to change something, so that what is left can be found.
  returned: always
  type: dict
  sample:
    id: psb7x2q9k
    name: trainer-1
    state: ready
    region: ny2
    machine_type: P5000
    public_ip: 192.0.2.10
    private_ip: 10.64.0.5
    accelerators: [{"name": "Quadro P5000", "count": 1, "memory": 17179869184}]
actions:
  description: What was done, or in check mode would be, in order.
  returned: always
  type: list
  elements: str
  sample: [update disk_size, start]
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._paperspace_machine_run import MachineRun
from ..module_utils._paperspace_machines import Machines
from ..module_utils._paperspace_module import WAIT, arguments, run
from ..module_utils._paperspace_templates import Templates

READY = {"ready": ("ready",), "serviceready": ("serviceready", "ready")}


def main():
    module = AnsibleModule(
        argument_spec=arguments(
            **WAIT,
            name={"type": "str"},
            id={"type": "str"},
            state={
                "type": "str",
                "choices": ["present", "started", "stopped", "restarted", "absent"],
                "default": "present",
            },
            machine_type={"type": "str"},
            disk_size={"type": "int"},
            region={"type": "str"},
            template_id={"type": "str"},
            template={"type": "str"},
            network_id={"type": "str"},
            network={"type": "str"},
            public_ip_type={"type": "str", "choices": ["static", "dynamic", "none"]},
            startup_script_id={"type": "str"},
            auto_shutdown_enabled={"type": "bool"},
            auto_shutdown_timeout={"type": "int"},
            auto_shutdown_force={"type": "bool"},
            auto_snapshot_enabled={"type": "bool"},
            auto_snapshot_frequency={"type": "str", "choices": ["hourly", "daily", "weekly", "monthly"]},
            auto_snapshot_save_count={"type": "int"},
            restore_point_enabled={"type": "bool"},
            restore_point_frequency={"type": "str", "choices": ["shutdown"]},
            take_initial_snapshot={"type": "bool"},
            # Not a password: whether one is sent.
            email_password={"type": "bool", "no_log": False},
            enable_nvlink={"type": "bool"},
            accessor_ids={"type": "list", "elements": "str"},
            wait_for={"type": "str", "choices": ["ready", "serviceready"], "default": "ready"},
        ),
        required_one_of=[("name", "id")],
        mutually_exclusive=[("template", "template_id"), ("network", "network_id")],
        supports_check_mode=True,
    )

    def work(api, waiting, check):
        machines = Machines(api, waiting, READY[module.params["wait_for"]])
        return MachineRun(api, machines, Templates(api, waiting), module.params, check).result()

    run(module, work)


if __name__ == "__main__":
    main()
