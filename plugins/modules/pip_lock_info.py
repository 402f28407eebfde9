#!/usr/bin/python
# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pip_lock_info
short_description: The generations of the environments on a host
version_added: 0.1.0
author: The ML in a Box authors (@mlinabox)
description:
  - Lists the environments that M(mlinabox.core.pip_lock) made, their generations, which is live and which could be.
options:
  name:
    description: Only this environment.
    type: str
  root:
    description: Directory that holds environments and uv's cache.
    type: path
    default: /opt/mlinabox
extends_documentation_fragment: mlinabox.core.read_only
"""

EXAMPLES = r"""
- name: What could be gone back to
  mlinabox.core.pip_lock_info:
    name: stack
  register: found
"""

RETURN = r"""
environments:
  description:
    - By name, the live generation (C(current)), the one that a rollback takes (C(previous)) and all (C(generations)).
  returned: always
  type: dict
  sample:
    stack:
      current: 20261121T051800Z-1f2e3d4c
      previous: ""
      generations:
        - id: 20261121T051800Z-1f2e3d4c
          proved: "2026-11-21T05:20:11Z"
          packages: 214
          python: /usr/bin/python3.9
          condemned: ""
          users: []
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._generations import Environment


def describe(environment):
    """Return an environment's generations as plain data."""
    generations = []
    for name in environment.all_ids():
        state = environment.state(name)
        generations.append(
            {
                "id": name,
                "proved": state.get("proved", ""),
                "packages": len(state.get("packages", {})),
                "python": state.get("python", ""),
                "condemned": environment.condemned(name),
                "users": environment.users_of(name),
            }
        )
    return {"current": environment.current_id(), "previous": environment.previous_id(), "generations": generations}


def main():
    module = AnsibleModule(
        argument_spec={"name": {"type": "str"}, "root": {"type": "path", "default": "/opt/mlinabox"}},
        supports_check_mode=True,
    )
    root, name = module.params["root"], module.params["name"]
    try:
        names = [name] if name else sorted(os.listdir(os.path.join(root, "envs")))
    except FileNotFoundError:
        names = []
    try:
        found = {one: describe(Environment(root, one)) for one in names}
    except (ValueError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, environments=found)


if __name__ == "__main__":
    main()
