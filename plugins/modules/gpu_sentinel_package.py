#!/usr/bin/python
#
# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps the GPU sentinel's modules on a host, as a Python package."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gpu_sentinel_package
short_description: Keeps the GPU sentinel's modules on a host
version_added: 0.1.0
author:
  - The ML in a Box authors (@mlinabox)
description:
  - Writes the modules of this collection that M(mlinabox.core.gpu_info) is made of to a folder, as a Python package, so
    that the host can look at its GPUs without Ansible. What else lies in the folder is removed.
  - They are the ones that Ansible sends with this very module, so none of them is missing.
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Returns details on what has changed (or possibly needs changing in check mode), when in diff mode.
    support: full
    details:
      - Names of files, not their text.
  idempotent:
    description: A second run with the same arguments changes nothing.
    support: full
options:
  dest:
    description: The folder; it holds nothing else. Its own folder is made where it is not there.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: Keep the modules on the host
  mlinabox.core.gpu_sentinel_package:
    dest: /opt/mlinabox/lib/gpu_sentinel
"""

RETURN = r"""
written:
  description: Names of the files that were written, or would be.
  type: list
  elements: str
  returned: always
  sample: [_gpu_look.py]
removed:
  description: Names of what was removed, or would be.
  type: list
  elements: str
  returned: always
  sample: []
"""

import os
import shutil

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mlinabox.core.plugins.module_utils import _gpu_sentinel
from ansible_collections.mlinabox.core.plugins.module_utils._generations import write_whole
from ansible_collections.mlinabox.core.plugins.module_utils._own_source import with_neighbours


def plan(folder, files):
    """Return (names to write, names to remove). files: {name: text}."""
    there = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    write = []
    for name, text in sorted(files.items()):
        path = os.path.join(folder, name)
        try:
            with open(path, encoding="utf-8") as stream:
                same = stream.read() == text and not os.path.islink(path) and os.stat(path).st_mode & 0o777 == 0o644
        except (OSError, UnicodeDecodeError):
            same = False
        if not same:
            write.append(name)
    # Bytecode that Python left belongs to what is there.
    return write, [name for name in there if name not in files and name != "__pycache__"]


def carry_out(folder, files, write, remove):
    """Write and remove what plan says."""
    os.makedirs(folder, mode=0o755, exist_ok=True)
    for name in remove:
        path = os.path.join(folder, name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
    for name in write:
        write_whole(os.path.join(folder, name), files[name])


def main():
    module = AnsibleModule(argument_spec={"dest": {"type": "path", "required": True}}, supports_check_mode=True)
    folder = module.params["dest"]
    files = {f"{name}.py": text for name, text in with_neighbours(_gpu_sentinel).items()}
    files["__init__.py"] = ""
    try:
        write, remove = plan(folder, files)
        if not module.check_mode and (write or remove):
            carry_out(folder, files, write, remove)
    except OSError as error:
        module.fail_json(msg=f"{error.filename or folder}: {error.strerror or error}")
    module.exit_json(
        changed=bool(write or remove),
        written=write,
        removed=remove,
        diff={"before": "".join(f"{name}\n" for name in remove), "after": "".join(f"{name}\n" for name in write)},
    )


if __name__ == "__main__":
    main()
