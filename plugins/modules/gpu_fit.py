#!/usr/bin/python
#
# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action plugin of this name; all of it runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gpu_fit
short_description: Holds a stack against a host's driver and GPUs
version_added: 0.1.0
author:
  - The ML in a Box authors (@mlinabox)
description:
  - Says whether the driver is new enough for the CUDA release of a stack's wheels and of the toolkit, whether the
    wheels have code for the GPUs, and whether the toolkit's compiler makes code for them, before anything is fetched.
  - Where something does not fit, the message names what, why, and which stack on O(search_path) would work.
  - Nothing runs on the host. A host that is no GPU box is never refused.
extends_documentation_fragment: mlinabox.core.read_only
options:
  host:
    description: What M(mlinabox.core.gpu_info) returned for the host.
    type: dict
    required: true
  stack:
    description: The stack, as the role mlinabox.core.stack loads it into C(stack_data).
    type: dict
    required: true
  variant:
    description:
      - The variant of O(stack) that is to be installed; V(auto) is what the host would get, V("") that none of its
        environments is installed.
    type: str
    default: auto
  toolkits:
    description:
      - The CUDA releases whose toolkits are to be installed, such as V(12.1.1). V(stack) is what O(stack) brings to the
        host's release, V(none) is none.
    type: list
    elements: str
    default: [stack]
  environments:
    description: Environments of a person's own, each with its C(name) and C(lock), a path on the controller.
    type: list
    elements: dict
    default: []
  search_path:
    description: Folders on the controller that hold stacks, to name one that would work.
    type: list
    elements: path
    default: []
  distribution:
    description: The host's distribution as C(ansible_facts.distribution) spells it.
    type: str
    required: true
  distribution_version:
    description: The host's release, such as V(12), V(12.11) or V(20.04).
    type: str
    required: true
  problems:
    description: What becomes of a stack that does not fit. With V(refuse) the task fails.
    type: str
    choices: [refuse, warn, ignore]
    default: refuse
seealso:
  - module: mlinabox.core.gpu_info
  - ref: mlinabox.core.nvidia_check <ansible_collections.mlinabox.core.nvidia_check_role>
    description: The role that asks it.
"""

EXAMPLES = r"""
- name: Look at the GPUs
  mlinabox.core.gpu_info:
  register: gpu

- name: Hold the stack against them
  mlinabox.core.gpu_fit:
    host: "{{ gpu }}"
    stack: "{{ stack_data }}"
    search_path: "{{ stack_search_path }}"
    distribution: "{{ ansible_facts.distribution }}"
    distribution_version: "{{ ansible_facts.distribution_version }}"
"""

RETURN = r"""
fits:
  description: Whether nothing refuses the stack.
  type: bool
  returned: success
  sample: true
found:
  description:
    - What does not fit, each with a stable C(code), C(severity) (V(refuse) or V(warn)), and C(what), C(why) and
      C(cure), each one sentence or empty.
  type: list
  elements: dict
  returned: success
  sample:
    - code: no-architecture
      severity: refuse
      what: torch 1.12.1 cannot run on NVIDIA A100-SXM4-40GB (compute capability 8.0).
      why: Its wheel holds machine code for 3.7, 5.0, 6.0 and 7.0 and no PTX.
      cure: ""
"""
