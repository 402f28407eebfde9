#!/usr/bin/python
# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: python_info
short_description: What a Python interpreter of the host says of itself
version_added: 0.1.0
author: The ML in a Box authors (@mlinabox)
description:
  - Runs an interpreter and returns its version and its environment for dependency markers (PEP 508).
  - M(mlinabox.core.pip_lock) narrows a lock with markers by it. Changes nothing.
options:
  python:
    description: Absolute path of the interpreter on the host.
    type: path
    required: true
extends_documentation_fragment: mlinabox.core.read_only
"""

EXAMPLES = r"""
- name: Which Python is it
  mlinabox.core.python_info:
    python: /usr/bin/python3
  register: interpreter
"""

RETURN = r"""
found:
  description: Whether the interpreter is there and runs.
  returned: always
  type: bool
version:
  description: Its version, empty where it was not found.
  returned: always
  type: str
  sample: 3.11.2
path:
  description: Its path with links resolved.
  returned: always
  type: str
markers:
  description: The values of the markers that dependencies may name.
  returned: always
  type: dict
  sample: {"python_version": "3.11", "sys_platform": "linux"}
glibc:
  description: The C library's version, empty where it is not glibc. Wheels name the oldest that they work with.
  returned: always
  type: list
  elements: int
  sample: [2, 36]
abi_flags:
  description: What the interpreter's ABI has behind its number, V(t) for a free-threaded one.
  returned: always
  type: str
msg:
  description: Why it was not found.
  returned: when not found
  type: str
"""

import json
import os
import subprocess

from ansible.module_utils.basic import AnsibleModule

_ASK = """
import json, os, platform, re, sys
try:
    libc = re.match(r"glibc (\\d+)\\.(\\d+)", os.confstr("CS_GNU_LIBC_VERSION") or "")
except (AttributeError, OSError, ValueError):
    libc = None
glibc = [int(part) for part in libc.groups()] if libc else []
print(json.dumps({"glibc": glibc, "abi_flags": sys.abiflags, "markers": {
    "implementation_name": sys.implementation.name,
    "implementation_version": platform.python_version(),
    "os_name": os.name,
    "platform_machine": platform.machine(),
    "platform_python_implementation": platform.python_implementation(),
    "platform_release": platform.release(),
    "platform_system": platform.system(),
    "platform_version": platform.version(),
    "python_full_version": platform.python_version(),
    "python_version": ".".join(platform.python_version_tuple()[:2]),
    "sys_platform": sys.platform,
}}))
"""
_NOTHING = {"version": "", "path": "", "markers": {}, "glibc": [], "abi_flags": ""}


def main():
    module = AnsibleModule(argument_spec={"python": {"type": "path", "required": True}}, supports_check_mode=True)
    python = module.params["python"]
    try:
        done = subprocess.run(
            [python, "-I", "-c", _ASK],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=True,
            timeout=60,
        )
        said = json.loads(done.stdout.decode("utf-8"))
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        module.exit_json(changed=False, found=False, msg=f"{python}: {error}", **_NOTHING)
    module.exit_json(
        changed=False,
        found=True,
        version=said["markers"]["python_full_version"],
        path=os.path.realpath(python),
        **said,
    )


if __name__ == "__main__":
    main()
