#!/usr/bin/python
#
# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificate authorities that the host trusts besides its distribution's."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ca_certificates
short_description: Makes a Debian or Ubuntu host trust a company's certificate authorities
version_added: 0.1.0
author:
  - The ML in a Box authors (@mlinabox)
description:
  - Puts each certificate of a PEM text into a file of its own under C(/usr/local/share/ca-certificates/<name>) and runs
    C(update-ca-certificates), so that the distribution's bundle and its folder of hashes both hold them.
  - Only the folder O(name) is touched; what is in it and not in O(content) is removed.
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Returns details on what has changed (or possibly needs changing in check mode), when in diff mode.
    support: full
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no
        change.
    support: full
requirements:
  - The package C(ca-certificates) on the host. In check mode it may be missing.
options:
  name:
    description:
      - The folder's name, and so the owner of the certificates.
    type: str
    required: true
  content:
    description:
      - PEM text with one or more certificates. What stands around them is passed by.
      - Required with O(state=present).
    type: str
  state:
    description:
      - V(absent) takes all certificates of O(name) back.
    type: str
    choices: [present, absent]
    default: present
"""

EXAMPLES = r"""
- name: Trust the company's certificate authorities
  mlinabox.core.ca_certificates:
    name: mlinabox
    content: "{{ lookup('ansible.builtin.file', '/srv/company-ca.pem') }}"

- name: Trust them no longer
  mlinabox.core.ca_certificates:
    name: mlinabox
    state: absent
"""

RETURN = r"""
bundle:
  description: The distribution's bundle, which holds the certificates afterwards.
  type: str
  returned: always
  sample: /etc/ssl/certs/ca-certificates.crt
pending:
  description: Whether something was still to be done; in check mode, whether it would be.
  type: bool
  returned: always
  sample: false
count:
  description: How many certificates O(content) holds.
  type: int
  returned: always
  sample: 1
"""

import os
import shutil

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mlinabox.core.plugins.module_utils import _pem

PARENT = "/usr/local/share/ca-certificates"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


def write_file(path, text):
    """Write `text` to `path` through a file beside it, mode 0644: a reader sees the old or the new one."""
    beside = path + ".new"
    with open(beside, "w", encoding="ascii") as stream:
        stream.write(text)
    os.chmod(beside, 0o644)
    os.rename(beside, path)


def carry_out(module, folder, write, remove):
    """Write and remove the planned files; an empty folder goes."""
    if write:
        for missing in (PARENT, folder):
            if not os.path.isdir(missing):
                os.mkdir(missing, 0o755)
    for name, pem in write.items():
        write_file(os.path.join(folder, name), pem)
    for name in remove:
        path = os.path.join(folder, name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
    if os.path.isdir(folder) and not os.listdir(folder):
        os.rmdir(folder)
    command = module.get_bin_path("update-ca-certificates", opt_dirs=["/usr/sbin"])
    if command:
        # Without --fresh the links of removed certificates would stay.
        module.run_command([command, *(["--fresh"] if remove else [])], check_rc=True)
    elif write:
        module.fail_json(msg="update-ca-certificates is not there; install the package ca-certificates first.")


def main():
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "content": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        required_if=[("state", "present", ["content"])],
        supports_check_mode=True,
    )
    wanted = {}
    if module.params["state"] == "present":
        try:
            wanted = _pem.split(module.params["content"])
        except ValueError as error:
            module.fail_json(msg=f"The content is no bundle of certificates: {error}.")
    folder = os.path.join(PARENT, module.params["name"])
    write, remove = _pem.plan_folder(folder, wanted)
    untrusted = set(wanted) - _pem.fingerprints_of(BUNDLE)
    changed = bool(write or remove or untrusted)
    if changed and not module.check_mode:
        carry_out(module, folder, write, remove)
        untrusted = set(wanted) - _pem.fingerprints_of(BUNDLE)
        if untrusted:
            module.fail_json(msg=f"update-ca-certificates left {len(untrusted)} certificates out of {BUNDLE}.")
    diff = {
        "before": "".join(f"{folder}/{name}\n" for name in remove),
        "after": "".join(f"{folder}/{name}\n" for name in write),
    }
    module.exit_json(changed=changed, pending=changed, bundle=BUNDLE, count=len(wanted), diff=diff)


if __name__ == "__main__":
    main()
