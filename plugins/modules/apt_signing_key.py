#!/usr/bin/python
#
# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gets the key of an apt repository and holds it against the fingerprint that it must have."""

from __future__ import annotations

DOCUMENTATION = r"""
module: apt_signing_key
short_description: Gets the key of an apt repository and checks its fingerprint
version_added: 0.1.0
author:
  - The ML in a Box authors (@mlinabox)
description:
  - Fetches the public key of an apt repository, computes its fingerprint without gpg, and fails unless it is the one
    that is expected. Returns the key; it is up to others to trust it.
  - A key that is on the host already, in O(path), and has the fingerprint, is not fetched again.
extends_documentation_fragment: mlinabox.core.read_only
options:
  url:
    description: Where the key is, armored or not. Proxies and certificates are those of the environment.
    type: str
    required: true
  fingerprint:
    description: The fingerprint that it must have, in full; spaces are passed by.
    type: str
    required: true
  path:
    description: Where the key lies on the host once it is trusted.
    type: path
  hint:
    description: What to do about a key that is another, or that cannot be fetched; added to the message.
    type: str
    default: ""
  timeout:
    description: Seconds that the server may take.
    type: int
    default: 30
"""

EXAMPLES = r"""
- name: Get the key of NVIDIA's repository
  mlinabox.core.apt_signing_key:
    url: https://developer.download.nvidia.com/compute/cuda/repos/debian12/x86_64/3bf863cc.pub
    fingerprint: EB693B3035CD5710E231E123A4B469963BF863CC
  register: key
"""

RETURN = r"""
key:
  description: The key, armored, in base64.
  type: str
  returned: success
  sample: LS0tLS1CRUdJTiBQR1A...
fetched:
  description: Whether it was fetched now.
  type: bool
  returned: success
  sample: true
"""

import base64

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.urls import open_url
from ansible_collections.mlinabox.core.plugins.module_utils import _openpgp

#: A key is a few kilobytes; a page that stands in its place may be anything.
LARGEST = 1 << 20


def read_installed(path, wanted):
    """Return the bytes of the key in the file `path`, or b'' where it is not there or not the wanted one."""
    try:
        with open(path or "", "rb") as stream:
            data = stream.read(LARGEST)
        return data if _openpgp.fingerprints(data) == [wanted] else b""
    except (OSError, ValueError):
        return b""


def fetch(module, wanted):
    """Return the bytes of the key at the address; fail with one line where it is not the wanted one."""
    url, hint = module.params["url"], module.params["hint"]
    hint = f" {hint}" if hint else ""
    try:
        data = open_url(url, timeout=module.params["timeout"], http_agent="mlinabox").read(LARGEST)
    except Exception as error:  # open_url passes on what any of its handlers raises
        module.fail_json(msg=f"The key {url} cannot be fetched: {error}.{hint}")
    try:
        found = _openpgp.fingerprints(data)
    except ValueError as error:
        module.fail_json(msg=f"What is at {url} is no key: {error}.{hint}")
    if found != [wanted]:
        module.fail_json(
            msg=f"The key {url} has the fingerprint {', '.join(found)}, not {wanted}; it is not trusted.{hint}"
        )
    return data


def main():
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "fingerprint": {"type": "str", "required": True},
            "path": {"type": "path"},
            "hint": {"type": "str", "default": ""},
            "timeout": {"type": "int", "default": 30},
        },
        supports_check_mode=True,
    )
    try:
        wanted = _openpgp.normalized(module.params["fingerprint"])
    except ValueError as error:
        module.fail_json(msg=f"{error}. {module.params['hint']}".strip())
    installed = read_installed(module.params["path"], wanted)
    data = installed or fetch(module, wanted)
    key = base64.b64encode(_openpgp.armored(data)).decode("ascii")
    module.exit_json(changed=False, key=key, fetched=not installed)


if __name__ == "__main__":
    main()
