#!/usr/bin/python
#
# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds out whether a host is a GPU box, a CPU box, or a broken GPU box."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gpu_info
short_description: Finds out which NVIDIA GPUs a host has and whether their driver is loaded
version_added: 0.1.0
author:
  - The ML in a Box authors (@mlinabox)
description:
  - Looks at the PCI bus, at the driver that has each card, and at NVIDIA's kernel module, and says what the host is.
  - Reads files below O(root) only; needs no program and no library on the host. A broken GPU is a
    result, not a failure.
extends_documentation_fragment: mlinabox.core.read_only
options:
  root:
    description: Where the host's files lie; another folder is for tests.
    type: path
    default: /
"""

EXAMPLES = r"""
- name: Find out what the host is
  mlinabox.core.gpu_info:
  register: gpu

- name: Say it
  ansible.builtin.debug:
    msg: "{{ gpu.kind }}: {{ gpu.reason }} {{ gpu.cure }}"
"""

RETURN = r"""
kind:
  description: V(gpu), V(cpu), or V(broken) when there is a GPU that cannot be used.
  type: str
  returned: always
  sample: cpu
layer:
  description: The layer that is broken, or empty.
  type: str
  returned: always
  sample: ""
reason:
  description: Why RV(kind) is what it is, in one sentence.
  type: str
  returned: always
  sample: There is no NVIDIA GPU on the PCI bus.
cure:
  description: What to do about a broken layer, in one sentence, or empty.
  type: str
  returned: always
  sample: ""
gpus:
  description: The GPUs on the PCI bus.
  type: list
  elements: dict
  returned: always
  sample: [{"address": "0000:01:00.0", "device": "0x20b2", "class": "0x030200", "driver": "nvidia"}]
module:
  description: NVIDIA's kernel module; C(open) tells its open flavour.
  type: dict
  returned: always
  sample: {"loaded": true, "version": "515.65.01", "open": false}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mlinabox.core.plugins.module_utils import _gpu_kernel, _gpu_pci, _gpu_state


def main():
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "default": "/"},
        },
        supports_check_mode=True,
    )
    gpus = _gpu_pci.find_gpus(module.params["root"])
    kernel_module = _gpu_kernel.find_module(module.params["root"])
    verdict = _gpu_state.judge(gpus, kernel_module)
    module.exit_json(changed=False, gpus=gpus, module=kernel_module, **verdict)


if __name__ == "__main__":
    main()
