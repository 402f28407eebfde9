#!/usr/bin/python
# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names what the old ML-in-a-Box script left on a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: adoption_info
short_description: Names what the old ML-in-a-Box script left on a host
version_added: 0.1.0
author:
  - The ML in a Box authors (@mlinabox)
description:
  - Looks for the traces of the bash script that made an ML in a Box before this collection, such as packages in
    C(/usr/local), links over C(python3), keys in apt's common keyring, and a CUDA toolkit of NVIDIA's runfile.
  - Says of each what it is, why it is in the way of a box (or that it is not), and the cure. Reads files only.
extends_documentation_fragment: mlinabox.core.read_only
options:
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
  - module: mlinabox.core.adoption_aside
"""

EXAMPLES = r"""
- name: Look for what the old script left
  mlinabox.core.adoption_info:
  register: old

- name: Name what is in the way
  ansible.builtin.debug:
    msg: "{{ old.findings | selectattr('in_the_way') | map(attribute='what') }}"
"""

RETURN = r"""
recognised:
  description: Whether the traces are the old script's. One alone has many other causes; two kinds together have not.
  returned: always
  type: bool
  sample: true
report:
  description: The findings as lines for people, what is in the way first.
  returned: always
  type: list
  elements: str
  sample: [This host is an ML in a Box that the old script made.]
findings:
  description: The traces, in the order in which they are best dealt with.
  returned: always
  type: list
  elements: dict
  contains:
    code:
      description: The kind of trace.
      returned: always
      type: str
      sample: apt-key
    path:
      description: Where it is.
      returned: always
      type: str
      sample: /etc/apt/trusted.gpg
    what:
      description: What it is.
      returned: always
      type: str
      sample: /etc/apt/trusted.gpg holds NVIDIA's key 7fa2af80
    why:
      description: Why it is in the way, or that it is not.
      returned: always
      type: str
      sample: whoever has a key of this keyring can sign packages of every archive, the distribution's too
    cure:
      description: What a person does about it.
      returned: always
      type: str
      sample: mv /etc/apt/trusted.gpg away
    in_the_way:
      description: Whether a box cannot stand beside it.
      returned: always
      type: bool
      sample: true
    action:
      description:
        - What M(mlinabox.core.adoption_aside) does about it - V(move) its paths, V(relink) the path, V(strip)
          lines from the file, V(unkey) the keyring, or nothing (empty), because it is not in the way
          or only a person can tell.
      returned: always
      type: str
      sample: move
    paths:
      description: All paths that belong to it.
      returned: always
      type: list
      elements: str
      sample: [/etc/apt/trusted.gpg]
    lines:
      description: The lines of the file, where it is lines.
      returned: always
      type: list
      elements: str
      sample: []
    keys:
      description: The fingerprints of the keys in the way, where it is a keyring that also has others' keys.
      returned: always
      type: list
      elements: str
      sample: []
    target:
      description: Where the link is to lead, where it is a link.
      returned: always
      type: str
      sample: ""
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mlinabox.core.plugins.module_utils import _adoption


def main():
    module = AnsibleModule(
        argument_spec={
            "archives": {"type": "list", "elements": "str", "default": []},
            "box_root": {"type": "path", "default": "/opt/mlinabox"},
            "root": {"type": "path", "default": "/"},
        },
        supports_check_mode=True,
    )
    host = _adoption.Host(module.params["root"])
    findings = _adoption.find(host, module.params["box_root"], module.params["archives"])
    module.exit_json(
        changed=False,
        recognised=_adoption.recognised(findings),
        report=_adoption.report(findings),
        findings=[finding.as_dict() for finding in findings],
    )


if __name__ == "__main__":
    main()
