#!/usr/bin/python
# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pip_lock_verify
short_description: Prove live environments without changing them
version_added: 0.1.0
author: The ML in a Box authors (@mlinabox)
description:
  - Holds each live environment against its lock, its files against what was recorded, and runs its smoke checks, in
    parallel within the host's memory.
  - Does not fail by itself. RV(works) is the verdict, RV(failures) says what is wrong.
options:
  environments:
    description: The environments to prove.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The environment's name.
        type: str
        required: true
      lock:
        description: Path of its lock on the controller. Without it, what was recorded when it was proved counts.
        type: path
      python:
        description: The interpreter on the host, needed where the lock has markers or is a C(pylock.toml).
        type: path
      extras:
        description: As in M(mlinabox.core.pip_lock).
        type: list
        elements: str
        default: []
      groups:
        description: As in M(mlinabox.core.pip_lock).
        type: list
        elements: str
      smoke:
        description: Its smoke checks, as in M(mlinabox.core.pip_lock).
        type: list
        elements: dict
        default: []
      waivers:
        description: As in M(mlinabox.core.pip_lock).
        type: list
        elements: dict
        default: []
  order:
    description: Names of checks in the order in which the table shows them.
    type: list
    elements: str
    default: []
  root:
    description: Directory that holds environments and uv's cache.
    type: path
    default: /opt/mlinabox
  uv:
    description: The uv program on the host. By default C(bin/uv) under O(root).
    type: path
  integrity:
    description: How closely files are held against what was recorded.
    type: str
    choices: [none, size, hash]
    default: size
  smoke_user:
    description: Unprivileged user as whom the smoke checks run.
    type: str
    default: nobody
  _read:
    description: For the action plugin, which reads files of O(environments) on the controller. Not to be set.
    type: list
    elements: dict
    default: []
extends_documentation_fragment: mlinabox.core.read_only
"""

EXAMPLES = r"""
- name: Prove the stack
  mlinabox.core.pip_lock_verify:
    environments:
      - name: stack
        lock: requirements.txt
  register: proof

- name: It works
  ansible.builtin.assert:
    that: proof.works
    fail_msg: "{{ proof.failures }}"
"""

RETURN = r"""
works:
  description: Whether all is as it should be.
  returned: always
  type: bool
failures:
  description: What is wrong, a line each.
  returned: always
  type: list
  elements: str
generations:
  description: The live generation of each environment, empty where there is none.
  returned: always
  type: dict
checks:
  description: The smoke checks' results.
  returned: always
  type: list
  elements: dict
table:
  description: The checks as a table, software, version wanted, version found, works or not.
  returned: always
  type: str
summary:
  description: The table in one line.
  returned: always
  type: str
"""

import os
import signal

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._verify import verify


def main():
    module = AnsibleModule(
        argument_spec={
            "environments": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "lock": {"type": "path"},
                    "python": {"type": "path"},
                    "extras": {"type": "list", "elements": "str", "default": []},
                    "groups": {"type": "list", "elements": "str"},
                    "smoke": {"type": "list", "elements": "dict", "default": []},
                    "waivers": {"type": "list", "elements": "dict", "default": []},
                },
            },
            "order": {"type": "list", "elements": "str", "default": []},
            "root": {"type": "path", "default": "/opt/mlinabox"},
            "uv": {"type": "path"},
            "integrity": {"type": "str", "choices": ["none", "size", "hash"], "default": "size"},
            "smoke_user": {"type": "str", "default": "nobody"},
            # What the action plugin read on the controller, in the order of `environments`.
            "_read": {"type": "list", "elements": "dict", "default": []},
        },
        supports_check_mode=True,
    )
    # Ignored, as some callers pass it on, it would have the kernel throw away how our processes ended.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    parameters = module.params
    environments = [
        {"name": wanted["name"], "waivers": wanted["waivers"], **read}
        for wanted, read in zip(parameters["environments"], parameters["_read"])
    ]
    uv = parameters["uv"] or os.path.join(parameters["root"], "bin", "uv")
    try:
        result = verify(
            parameters["root"], uv, environments, parameters["integrity"], parameters["smoke_user"], parameters["order"]
        )
    except (ValueError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
