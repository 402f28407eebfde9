#!/usr/bin/python
# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moves what the old ML-in-a-Box script left aside, or puts it back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: adoption_aside
short_description: Moves what the old ML-in-a-Box script left aside, or puts it back
version_added: 0.1.0
author:
  - The ML in a Box authors (@mlinabox)
description:
  - Moves the traces that M(mlinabox.core.adoption_info) calls in the way into a new folder, named after the time, with
    a manifest that says how each is put back. Deletes nothing.
  - C(/usr/bin/python3) is not moved but led back to the release's Python; of files such as C(.bashrc), only the
    script's own lines are taken out.
  - One plan is made. Check mode returns it, otherwise it is carried out.
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Returns details on what has changed (or possibly needs changing in check mode), when in diff mode.
    support: full
  idempotent:
    description: A second run with the same arguments changes nothing.
    support: full
options:
  state:
    description:
      - V(moved) moves everything aside that is in the way.
      - V(restored) puts everything back that was ever moved. It refuses, before anything is put back, where something
        new stands in its place.
    type: str
    choices: [moved, restored]
    default: moved
  folder:
    description: Folder that takes what is moved.
    type: path
    default: /var/lib/mlinabox/aside
  codes:
    description:
      - The kinds of traces that V(moved) moves, by RV(mlinabox.core.adoption_info#module:findings[].code); all where
        it is empty.
    type: list
    elements: str
    default: []
  paths:
    description: Paths that V(moved) moves in the place of what M(mlinabox.core.adoption_info) finds.
    type: list
    elements: path
  archives:
    description: Further addresses that are taken for NVIDIA's archive of CUDA, such as a mirror's.
    type: list
    elements: str
    default: []
  box_root:
    description: Folder of the box; links that lead into it are the box's own.
    type: path
    default: /opt/mlinabox
  root:
    description: Folder that is looked at as if it were C(/), such as a mounted disk.
    type: path
    default: /
seealso:
  - module: mlinabox.core.adoption_info
"""

EXAMPLES = r"""
- name: Move what is in the way aside
  mlinabox.core.adoption_aside:

- name: Move a link aside that is no library
  mlinabox.core.adoption_aside:
    paths: [/usr/lib/x86_64-linux-gnu/libcudnn.so.8]

- name: Put all of it back
  mlinabox.core.adoption_aside:
    state: restored
"""

RETURN = r"""
folder:
  description: The new folder that took what was moved; empty in check mode and where nothing was moved.
  returned: always
  type: str
  sample: /var/lib/mlinabox/aside/20261121T051800Z
steps:
  description: What was done, or would be, a line each.
  returned: always
  type: list
  elements: str
  sample:
    - let /usr/bin/python3 lead to python3.9
    - move /etc/apt/trusted.gpg aside
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mlinabox.core.plugins.module_utils import _adoption, _adoption_aside


def main():
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["moved", "restored"], "default": "moved"},
            "folder": {"type": "path", "default": "/var/lib/mlinabox/aside"},
            "codes": {"type": "list", "elements": "str", "default": []},
            "paths": {"type": "list", "elements": "path"},
            "archives": {"type": "list", "elements": "str", "default": []},
            "box_root": {"type": "path", "default": "/opt/mlinabox"},
            "root": {"type": "path", "default": "/"},
        },
        supports_check_mode=True,
    )
    host, aside = _adoption.Host(module.params["root"]), module.params["folder"]
    folder = ""
    try:
        if module.params["state"] == "moved":
            if module.params["paths"] is None:
                found = _adoption.find(host, module.params["box_root"], module.params["archives"])
                codes = module.params["codes"]
                steps = _adoption_aside.plan([finding for finding in found if not codes or finding.code in codes])
            else:
                steps = _adoption_aside.plan_paths(host, module.params["paths"])
            lines = [_adoption_aside.describe(step) for step in steps]
            changed = bool(steps)
            if steps and not module.check_mode:
                folder = _adoption_aside.move(host, steps, aside)
        else:
            plans = _adoption_aside.plan_back(host, aside)
            lines = [_adoption_aside.describe(step, back=True) for _folder, steps in plans for step in steps]
            # A folder whose steps are all done goes as well.
            changed = bool(plans)
            for old, steps in [] if module.check_mode else plans:
                _adoption_aside.put_back(host, old, steps)
    except _adoption_aside.AsideError as error:
        module.fail_json(msg=f"adoption: {error}")
    except OSError as error:
        module.fail_json(msg=f"adoption: {error}; what was moved is in {aside}, and state: restored puts it back")
    module.exit_json(
        changed=changed,
        folder=folder,
        steps=lines,
        diff={"before": "", "after": "".join(line + "\n" for line in lines)},
    )


if __name__ == "__main__":
    main()
