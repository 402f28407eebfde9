#!/usr/bin/python
#
# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Walks over a host's GPU layers and names the first that is broken, with its cure."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gpu_doctor
short_description: Names the broken layer of a GPU box, and its cure
version_added: 0.1.0
author:
  - The ML in a Box authors (@mlinabox)
description:
  - Walks over the layers from the PCI bus to the containers, each standing on those before it, and stops at the
    first that is broken. What M(mlinabox.core.gpu_info) sees are the first seven; then come the driver for the
    toolkit, the toolkit, cuDNN, the architectures that the wheels have code for, the frameworks, and the containers.
    The layers V(boot) and V(packages) stand beside the others and are always judged.
  - A framework is judged by letting it compute. It multiplies matrices and convolves on each GPU, in the environment's
    own Python, as C(nobody), without network and within bounds, and the result is held against the CPU's. One that
    computes on the CPU in silence is broken.
  - On a host without a GPU there is nothing to walk, and nothing is broken. A broken host is a result, not a failure.
  - Reads only. It starts C(nvcc --version), C(docker info), the environments' Python, and what
    M(mlinabox.core.gpu_info) starts, each with a deadline.
extends_documentation_fragment: mlinabox.core.read_only
options:
  environments:
    description:
      - Names of the environments that are tried. Without it, all that are live.
    type: list
    elements: str
  architectures:
    description:
      - For distributions whose own files do not tell it, what their wheels hold, by the distribution's name. Each is a
        list such as V(8.0) for machine code and V(9.0+PTX) for PTX.
    type: dict
    default: {}
  timeout:
    description: Seconds for each source that M(mlinabox.core.gpu_info) asks.
    type: float
    default: 5.0
  framework_timeout:
    description: Seconds for each framework, its import included.
    type: int
    default: 180
  box_root:
    description: Folder of the box, on the host.
    type: path
    default: /opt/mlinabox
  root:
    description: Where the host's files lie; another folder is for tests.
    type: path
    default: /
seealso:
  - module: mlinabox.core.gpu_info
"""

EXAMPLES = r"""
- name: Examine the host
  mlinabox.core.gpu_doctor:
  register: doctor

- name: Show what was found
  ansible.builtin.debug:
    msg: "{{ doctor.table }}"

- name: Stop where something is broken
  ansible.builtin.assert:
    that: not doctor.broken
    fail_msg: "{{ doctor.layer }}: {{ doctor.reason }} {{ doctor.cure }}"
"""

RETURN = r"""
broken:
  description: Whether a layer is broken.
  type: bool
  returned: always
  sample: true
layer:
  description: The first layer that is broken, or empty.
  type: str
  returned: always
  sample: cudnn
reason:
  description: What is wrong with RV(layer), in one sentence, or empty.
  type: str
  returned: always
  sample: "/usr/lib/x86_64-linux-gnu/libcudnn.so.8 is no cuDNN 8: it is libcuda.so.1."
cure:
  description: What to do about it, in one sentence, or empty.
  type: str
  returned: always
  sample: Move /usr/lib/x86_64-linux-gnu/libcudnn.so.8 aside and run `ldconfig`.
layers:
  description: All layers, in walking order.
  type: list
  elements: dict
  returned: always
  contains:
    layer:
      description: Its name.
      type: str
      returned: always
      sample: cudnn
    status:
      description: V(ok), V(warning), V(broken), or V(skipped) where it stands on a broken one or there is no GPU.
      type: str
      returned: always
      sample: ok
    text:
      description: What was found there.
      type: str
      returned: always
      sample: cuDNN 8.5.0 is loaded from /usr/lib/x86_64-linux-gnu/libcudnn.so.8.
    cure:
      description: What to do about it, or empty.
      type: str
      returned: always
      sample: ""
findings:
  description: What is wrong or worth knowing, in walking order, within a layer the worst first.
  type: list
  elements: dict
  returned: always
  contains:
    code:
      description: A stable name; all are listed in docs/gpu.md.
      type: str
      returned: always
      sample: cudnn-bogus
    layer:
      description: The layer that it is about.
      type: str
      returned: always
      sample: cudnn
    severity:
      description: V(broken), V(warning) or V(note).
      type: str
      returned: always
      sample: broken
    text:
      description: What it is, in one sentence.
      type: str
      returned: always
      sample: "/usr/lib/x86_64-linux-gnu/libcudnn.so.8 is no cuDNN 8: it is libcuda.so.1."
    cure:
      description: What to do about it, in one sentence, or empty.
      type: str
      returned: always
      sample: Move /usr/lib/x86_64-linux-gnu/libcudnn.so.8 aside and run `ldconfig`.
    fix:
      description: Name of the cure that C(./box doctor --fix) carries out by itself, or empty.
      type: str
      returned: always
      sample: move-cudnn-aside
cures:
  description: What C(./box doctor --fix) can do about them, in the order in which it does.
  type: list
  elements: dict
  returned: always
  contains:
    name:
      description: Its name.
      type: str
      returned: always
      sample: move-cudnn-aside
    safe:
      description: Whether it is carried out without asking.
      type: bool
      returned: always
      sample: true
    text:
      description: What it does, or what a person is asked.
      type: str
      returned: always
      sample: move what is no cuDNN to /var/lib/mlinabox/doctor/aside, and renew the dynamic linker's cache
aside:
  description: Paths that are taken for cuDNN and are none, which the fix V(move-cudnn-aside) moves away.
  type: list
  elements: str
  returned: always
  sample: []
table:
  description: RV(layers) as lines for people.
  type: list
  elements: str
  returned: always
  sample: ["layer    status   what was found, and what to do"]
info:
  description: What M(mlinabox.core.gpu_info) returns.
  type: dict
  returned: always
  sample: {"kind": "gpu"}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mlinabox.core.plugins.module_utils import _gpu_look
from ansible_collections.mlinabox.core.plugins.module_utils._doctor import Doctor
from ansible_collections.mlinabox.core.plugins.module_utils._doctor_table import host_table


def main():
    module = AnsibleModule(
        argument_spec={
            "environments": {"type": "list", "elements": "str"},
            "architectures": {"type": "dict", "default": {}},
            "timeout": {"type": "float", "default": 5.0},
            "framework_timeout": {"type": "int", "default": 180},
            "box_root": {"type": "path", "default": "/opt/mlinabox"},
            "root": {"type": "path", "default": "/"},
        },
        supports_check_mode=True,
    )
    asked = module.params
    for name in ("timeout", "framework_timeout"):
        if asked[name] <= 0:
            module.fail_json(msg=f"{name} is in seconds and above 0, not {asked[name]}")
    info = _gpu_look.look(asked["root"], asked["timeout"])
    doctor = Doctor(
        info,
        asked["root"],
        wanted=asked["environments"],
        architectures=asked["architectures"],
        place=asked["box_root"],
        framework_timeout=asked["framework_timeout"],
    )
    found = doctor.examine()
    module.exit_json(changed=False, info=info, table=host_table(found["layers"]), **found)


if __name__ == "__main__":
    main()
