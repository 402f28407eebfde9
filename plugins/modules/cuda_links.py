#!/usr/bin/python
#
# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leads /usr/local/cuda to a toolkit and names its libraries to the dynamic linker, where its packages did not."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cuda_links
short_description: Leads /usr/local/cuda to a toolkit, and tells the dynamic linker of its libraries
version_added: 0.1.0
author:
  - The ML in a Box authors (@mlinabox)
description:
  - Makes C(/usr/local/cuda), an alternative (C(update-alternatives)), lead to the first of O(releases). What NVIDIA's
    packages made themselves is left as it is; an alternative, or a file in C(/etc/ld.so.conf.d), is added only where
    they left none.
  - What was done is noted in C(/var/lib/mlinabox/cuda-links.json), from which V(absent) takes it back.
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
    description: V(absent) takes back what this module did.
    type: str
    choices: [present, absent]
    default: present
  releases:
    description: CUDA releases whose toolkits are there, as V(11.7.1) or V(11.7); C(/usr/local/cuda) leads to the first.
    type: list
    elements: str
    default: []
  brought:
    description:
      - Whether the toolkits' packages make the alternatives themselves; check mode goes by it where they are not
        installed yet.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Lead /usr/local/cuda to CUDA 11.7
  mlinabox.core.cuda_links:
    releases: [11.7.1, 12.4.1]
"""

RETURN = r"""
lines:
  description: What was done, or would be, a line each.
  type: list
  elements: str
  returned: success
  sample: [would lead /usr/local/cuda to /usr/local/cuda-11.7]
"""

import json
import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mlinabox.core.plugins.module_utils import _cuda_links, _loader

NOTE = "/var/lib/mlinabox/cuda-links.json"


def read_note(module):
    """Return the note of an earlier run, {} where there is none."""
    try:
        with open(NOTE, encoding="utf-8") as stream:
            return json.load(stream)
    except OSError:
        return {}
    except ValueError as error:
        module.fail_json(msg=f"{NOTE} is damaged ({error}); remove it to forget what led /usr/local/cuda where.")


def write_whole(path, text):
    """Write a file in one move, mode 0644."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as stream:
        stream.write(text)
    os.chmod(path + ".new", 0o644)
    os.replace(path + ".new", path)


def look(module, series):
    """Return what _cuda_links.plan wants to have seen. Fails where /usr/local/cuda is no alternative."""
    link = _cuda_links.LINK
    target = os.readlink(link) if os.path.islink(link) else ""
    present = module.params["state"] == "present"
    if present and os.path.lexists(link) and not target.startswith("/etc/alternatives/"):
        what = f"a link to {target}" if target else "a folder" if os.path.isdir(link) else "a file"
        module.fail_json(
            msg=f"{link} is {what} and no alternative of the packages'; move it away (the role adoption does, with "
            "adoption_move_aside: true), then run this again."
        )
    program = module.get_bin_path("update-alternatives", required=True, opt_dirs=["/usr/sbin", "/usr/bin"])
    _rc, text, _err = module.run_command([program, "--query", _cuda_links.NAME], environ_update={"LC_ALL": "C"})
    try:
        with open(_cuda_links.CONF, encoding="utf-8") as stream:
            conf = stream.read()
    except OSError:
        conf = ""
    folders = [one for one in series if os.path.isdir(_cuda_links.folder(one))]
    told = {os.path.realpath(path) for path, file in _loader.conf_folders() if file != _cuda_links.CONF}
    places = {one: os.path.join(_cuda_links.folder(one), _cuda_links.LIBRARIES) for one in folders}
    return {
        "alternatives": _cuda_links.parse_query(text),
        "folders": folders,
        "uncovered": [
            one for one, path in places.items() if os.path.isdir(path) and os.path.realpath(path) not in told
        ],
        "conf": conf,
    }


def carry_out(module, steps):
    """Do the steps in their order."""
    for step in steps:
        arguments = _cuda_links.command(step)
        if arguments:
            program = module.get_bin_path("update-alternatives", required=True, opt_dirs=["/usr/sbin", "/usr/bin"])
            module.run_command([program, "--quiet", *arguments], check_rc=True)
            continue
        if step["do"] == "write":
            write_whole(_cuda_links.CONF, step["text"])
        else:
            os.unlink(_cuda_links.CONF)
        module.run_command(
            [module.get_bin_path("ldconfig", required=True, opt_dirs=["/usr/sbin", "/sbin"])], check_rc=True
        )


def main():
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "releases": {"type": "list", "elements": "str", "default": []},
            "brought": {"type": "bool", "default": True},
        },
        required_if=[("state", "present", ["releases"])],
        supports_check_mode=True,
    )
    series = [".".join(release.split(".")[:2]) for release in module.params["releases"]]
    present = module.params["state"] == "present"
    note = read_note(module)
    if not present and not note:
        module.exit_json(changed=False, lines=[])
    seen = look(module, series)
    if present:
        missing = [] if module.check_mode else [one for one in series if one not in seen["folders"]]
        if missing:
            module.fail_json(msg=f"There is no {_cuda_links.folder(missing[0])}; its packages left no toolkit there.")
        steps, new = _cuda_links.plan(series, seen, note, module.params["brought"])
    else:
        steps, new = _cuda_links.plan_back(seen, note), {}
    lines = [_cuda_links.describe(step) for step in steps]
    if not module.check_mode:
        # Before the steps: a run that is killed between them can be taken back.
        if present and steps:
            write_whole(NOTE, json.dumps(new, indent=1, sort_keys=True) + "\n")
        carry_out(module, steps)
        if not present:
            os.unlink(NOTE)
    module.exit_json(
        changed=bool(steps) or not present,
        lines=lines,
        diff={"before": "", "after": "".join(line + "\n" for line in lines)},
    )


if __name__ == "__main__":
    main()
