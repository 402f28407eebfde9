#!/usr/bin/python
# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: wheelhouse
short_description: Brings a wheelhouse of the controller to the host
version_added: 0.1.0
author: The ML in a Box authors (@mlinabox)
description:
  - Has a directory of wheels and source archives, as C(./box wheelhouse) makes it, on the host, where
    M(mlinabox.core.pip_lock) takes files from it.
  - Only files that lack are sent, many at a time, and each is held against its hash on the host. What was brought
    before and is wanted no more is removed; files of others are left alone.
  - Where the host is the controller itself (connection C(local)), the directory is used where it lies.
options:
  src:
    description:
      - The directory, on the controller, or with O(remote_src=true) on the host.
      - A relative path on the controller starts where the command was started.
      - Required with O(state=present).
    type: path
  remote_src:
    description: Whether O(src) is on the host, a mounted disk for example. Then nothing is sent.
    type: bool
    default: false
  dest:
    description: Absolute path of the copy on the host.
    type: path
    required: true
  state:
    description: V(absent) removes what was brought to O(dest).
    type: str
    choices: [present, absent]
    default: present
  _files:
    description: For the action plugin, which reads O(src) on the controller. Not to be set.
    type: dict
  _parcel:
    description: For the action plugin. Not to be set.
    type: path
  _name:
    description: For the action plugin. Not to be set.
    type: str
attributes:
  check_mode:
    description: Says what would be sent and removed.
    support: full
  diff_mode:
    description: One line for each file that comes or goes.
    support: full
  idempotent:
    description: Sends nothing where all is there.
    support: full
notes:
  - What has arrived before a connection broke stays, and the next run goes on from there.
"""

EXAMPLES = r"""
- name: The wheelhouse
  mlinabox.core.wheelhouse:
    src: wheelhouse/2022-cpu
    dest: /opt/mlinabox/wheelhouse
  register: wheelhouse

- name: The stack, from it
  mlinabox.core.pip_lock:
    name: stack
    lock: requirements.txt
    python: /usr/bin/python3.11
    wheelhouse: "{{ wheelhouse.path }}"
"""

RETURN = r"""
path:
  description: The directory on the host, for M(mlinabox.core.pip_lock).
  returned: state=present
  type: str
  sample: /opt/mlinabox/wheelhouse
sent:
  description: Names of the files that were sent, or in check mode would be.
  returned: state=present
  type: list
  elements: str
removed:
  description: Names of the files that were wanted no more.
  returned: always
  type: list
  elements: str
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._wheelhouse_copy import RECORD, WheelhouseCopy

#: What the action plugin sends at a time, in bytes; it lies on the host twice for a moment.
_PARCEL = 256 << 20


def lines(names):
    return "".join(f"{name}\n" for name in names)


def present(module, copy):
    """Plan, and outside check mode take a parcel or make ready for the first."""
    files = module.params["_files"]
    if module.params["_parcel"]:
        if module.params["_name"]:
            copy.take_file(module.params["_parcel"], module.params["_name"], files)
        else:
            copy.take_archive(module.params["_parcel"], files)
        os.unlink(module.params["_parcel"])
        return {"changed": True, "path": copy.path, "sent": [], "removed": []}
    lacking, stale = copy.lacking(files), copy.stale(files)
    copy.require_space(files, max([_PARCEL, *(files[name]["size"] for name in lacking)]))
    if (lacking or stale) and not module.check_mode:
        copy.prepare(files)
    diff = {"before": lines(stale), "after": lines(lacking), "before_header": copy.path, "after_header": copy.path}
    return {"changed": bool(lacking or stale), "path": copy.path, "sent": lacking, "removed": stale, "diff": diff}


def absent(module, copy):
    removed = sorted(copy.record)
    there = os.path.lexists(os.path.join(copy.path, RECORD)) and bool(removed)
    if there and not module.check_mode:
        copy.remove()
    diff = {"before": lines(removed), "after": "", "before_header": copy.path, "after_header": copy.path}
    return {"changed": there, "removed": removed, "diff": diff}


def mounted(module):
    """A directory of the host's own: it only has to be there."""
    path = module.params["src"]
    # In check mode an earlier task of the same play may be to mount it.
    if not os.path.isdir(path) and not module.check_mode:
        module.fail_json(
            msg=f"wheelhouse {path}: no such directory on this host. Mount or copy it there, or, where it is the "
            f"controller's, leave remote_src (pip_stack_wheelhouse_remote_src) false"
        )
    return {"changed": False, "path": path, "sent": [], "removed": []}


def main():
    module = AnsibleModule(
        argument_spec={
            "src": {"type": "path"},
            "remote_src": {"type": "bool", "default": False},
            "dest": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "_files": {"type": "dict"},
            "_parcel": {"type": "path"},
            "_name": {"type": "str"},
        },
        required_if=[("state", "present", ["src"])],
        supports_check_mode=True,
    )
    # Whatever the caller's umask: source builds read it as somebody else.
    os.umask(0o022)
    try:
        copy = WheelhouseCopy(module.params["dest"])
        if module.params["state"] == "absent":
            result = absent(module, copy)
        elif module.params["_files"] is None:
            result = mounted(module)
        else:
            result = present(module, copy)
    except ValueError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"wheelhouse {module.params['dest']}: {error}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
