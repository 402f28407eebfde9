#!/usr/bin/python
#
# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compiles a CUDA program with a host's nvcc, runs it, and returns what it prints."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cuda_proof
short_description: Compiles a CUDA program with a host's nvcc, runs it, and returns what it prints
version_added: 0.1.0
author:
  - The ML in a Box authors (@mlinabox)
description:
  - Compiles O(source) with the nvcc of O(toolkit), as an unprivileged user in a folder that is removed in the end, and
    runs it. The program prints a JSON object, which is returned.
  - The host compiler is the distribution's own, or the newest of its others that this nvcc takes.
extends_documentation_fragment: mlinabox.core.read_only
options:
  toolkit:
    description: The folder of the toolkit, whose C(bin/nvcc) compiles.
    type: path
    required: true
  source:
    description: The program, CUDA C++.
    type: str
    required: true
  release:
    description:
      - The CUDA release of the toolkit, for messages, and where the toolkit does not say which compilers it takes.
    type: str
    default: ""
  compiler:
    description: The host compiler's path; empty for one that nvcc takes, V(own) for the one that it takes by itself.
    type: str
    default: ""
  libraries:
    description: Names of libraries to link with, without C(lib).
    type: list
    elements: str
    default: []
  defines:
    description: Names to define for the preprocessor.
    type: list
    elements: str
    default: []
  rpath:
    description:
      - Whether the program is told where the toolkit's libraries are. Without, the dynamic linker must find them by
        itself, which is part of the proof.
    type: bool
    default: false
  user:
    description: Who compiles and runs.
    type: str
    default: nobody
  timeout:
    description: Seconds for compiling, and again for running.
    type: int
    default: 300
"""

EXAMPLES = r"""
- name: Compile and run
  mlinabox.core.cuda_proof:
    toolkit: /usr/local/cuda-11.7
    source: "{{ lookup('ansible.builtin.file', 'multiply.cu') }}"
  register: proof
"""

RETURN = r"""
said:
  description: What the program printed.
  type: dict
  returned: success
  sample: {"runtime": 11070, "headers": 11070, "code": 35, "error": "cudaErrorInsufficientDriver", "devices": 0}
compiler:
  description: The host compiler that nvcc was given.
  type: str
  returned: success
  sample: /usr/bin/g++
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mlinabox.core.plugins.module_utils import _cuda_proof


def main():
    module = AnsibleModule(
        argument_spec={
            "toolkit": {"type": "path", "required": True},
            "source": {"type": "str", "required": True},
            "release": {"type": "str", "default": ""},
            "compiler": {"type": "str", "default": ""},
            "libraries": {"type": "list", "elements": "str", "default": []},
            "defines": {"type": "list", "elements": "str", "default": []},
            "rpath": {"type": "bool", "default": False},
            "user": {"type": "str", "default": "nobody"},
            "timeout": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    options = {name: module.params[name] for name in ("release", "compiler", "libraries", "defines", "rpath")}
    chosen = [module.params[name] for name in ("toolkit", "source", "user", "timeout")]
    try:
        said = _cuda_proof.prove(module.run_command, *chosen, **options)
    except _cuda_proof.ProofError as problem:
        module.fail_json(msg=f"CUDA {module.params['release']}: {problem}.")
    except (OSError, LookupError) as problem:
        module.fail_json(msg=f"CUDA {module.params['release']} cannot be tried: {problem}.")
    module.exit_json(changed=False, compiler=said.pop("compiler"), said=said)


if __name__ == "__main__":
    main()
