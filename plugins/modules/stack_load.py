#!/usr/bin/python
#
# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action plugin of this name; all of it runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_load
short_description: Finds a stack on the controller and returns it
version_added: 0.1.0
author:
  - The ML in a Box authors (@mlinabox)
description:
  - Finds a stack's folder, reads and checks its C(stack.yml), and returns it for one host.
  - Nothing runs on the host.
extends_documentation_fragment: mlinabox.core.read_only
options:
  name:
    description:
      - V(auto) takes the first stack that is made for the host's release.
      - A path (with a V(/)) is the stack's folder itself.
      - Any other value is the name of a folder in O(search_path).
    type: str
    default: auto
  search_path:
    description:
      - Folders on the controller that hold stacks. The first that has a name wins; a folder that does not exist is
        passed by.
    type: list
    elements: path
    required: true
  distribution:
    description:
      - The host's distribution as C(ansible_facts.distribution) spells it.
    type: str
    required: true
  distribution_version:
    description:
      - The host's release, such as V(12), V(12.11) or V(20.04).
    type: str
    required: true
  architecture:
    description:
      - The host's architecture as C(ansible_facts.architecture) spells it. Stacks are for V(x86_64).
    type: str
    required: true
seealso:
  - ref: mlinabox.core.stack <ansible_collections.mlinabox.core.stack_role>
    description: The role that puts the result into C(stack_data).
"""

EXAMPLES = r"""
- name: Load the stack that is made for this host
  mlinabox.core.stack_load:
    search_path: ["{{ playbook_dir }}/../stacks"]
    distribution: "{{ ansible_facts.distribution }}"
    distribution_version: "{{ ansible_facts.distribution_version }}"
    architecture: "{{ ansible_facts.architecture }}"
  register: loaded
"""

RETURN = r"""
stack:
  description:
    - The content of C(stack.yml) with C(dir) and C(smoke_dir) (paths on the controller), C(release), the stack's entry
      for the host's release (empty when it has none), and C(architectures), for which GPUs its wheels hold code, by
      variant and distribution.
  type: dict
  returned: success
  sample: {"name": "2022", "dir": "/srv/mlinabox/stacks/2022"}
missing_files:
  description:
    - The files that the stack names and its folder lacks, with the field that names each.
  type: list
  elements: str
  returned: success
  sample: []
"""
