#!/usr/bin/python
#
# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps the packages of NVIDIA's driver at their version, or lets them go again."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gpu_driver_hold
short_description: Holds the packages of NVIDIA's driver at their version
version_added: 0.1.0
author:
  - The ML in a Box authors (@mlinabox)
description:
  - A driver that is upgraded under a running one stops every CUDA program until the machine restarts. This holds its
    packages with C(apt-mark) and excludes them from unattended-upgrades in a file of its own,
    C(/etc/apt/apt.conf.d/90mlinabox-nvidia-driver), which is there also where unattended-upgrades is not installed.
  - What it put on hold is recorded in C(/var/lib/mlinabox/nvidia_check.json); a package that was on hold before is not,
    and stays so.
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Returns details on what has changed (or possibly needs changing in check mode), when in diff mode.
    support: full
  idempotent:
    description: A second run with the same arguments changes nothing.
    support: full
options:
  state:
    description:
      - V(present) holds all packages of the driver that are installed; without any it takes back what it did before.
      - V(absent) releases what the record says and removes the file.
    type: str
    choices: [present, absent]
    default: present
  lock_timeout:
    description: How many seconds another dpkg's lock is waited for.
    type: int
    default: 600
"""

EXAMPLES = r"""
- name: Keep the driver as it is
  mlinabox.core.gpu_driver_hold:

- name: Let it be upgraded again
  mlinabox.core.gpu_driver_hold:
    state: absent
"""

RETURN = r"""
lines:
  description: What was done, or would be, a line each.
  type: list
  elements: str
  returned: always
  sample: ["would hold nvidia-driver-535=535.309.01-0ubuntu0.22.04.1"]
held:
  description: The driver's packages that are on hold afterwards, whoever put them there.
  type: list
  elements: str
  returned: always
  sample: [nvidia-driver-535]
notes:
  description: What the hold brings with it, a sentence each.
  type: list
  elements: str
  returned: always
  sample: []
"""

import os
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mlinabox.core.plugins.module_utils import _driver_hold

#: Seconds between two tries for a lock.
POLL = 5


def read(path):
    """Return a file's text, '' where there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except FileNotFoundError:
        return ""


def write(path, text):
    """Write a file through one beside it, mode 0644; '' removes it."""
    if not text:
        if os.path.lexists(path):
            os.unlink(path)
        return
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as stream:
        stream.write(text)
    os.chmod(path + ".new", 0o644)
    os.rename(path + ".new", path)


def mark(module, word, names):
    """Run apt-mark; another dpkg's lock is waited for."""
    if not names:
        return
    program = module.get_bin_path("apt-mark", required=True)
    end = time.monotonic() + module.params["lock_timeout"]
    while True:
        rc, out, err = module.run_command([program, word, *names], environ_update={"LC_ALL": "C", "LANGUAGE": "C"})
        if not rc:
            return
        # dpkg says what is wrong first, then that nobody should remove its lock.
        said = next(iter((err or out).strip().splitlines()), f"it ended with {rc}")
        if "locked by another process" not in said:
            module.fail_json(msg=f"apt-mark {word} {' '.join(names)} failed: {said}")
        if time.monotonic() >= end:
            module.fail_json(msg=f"apt-mark {word} waited {module.params['lock_timeout']} s for a lock: {said}")
        time.sleep(POLL)


def main():
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "lock_timeout": {"type": "int", "default": 600},
        },
        supports_check_mode=True,
    )
    wanted = module.params["state"] == "present"
    packages = _driver_hold.driver_packages(read(_driver_hold.STATUS_FILE))
    try:
        record = _driver_hold.read_record(read(_driver_hold.RECORD))
    except ValueError as error:
        module.fail_json(msg=f"{error}.")
    plan = _driver_hold.plan(packages, record, read(_driver_hold.CONF), wanted)
    if plan["changed"] and not module.check_mode:
        # What is recorded and not on hold is passed by, what is on hold and not recorded would stay so for ever.
        if plan["record"]:
            write(_driver_hold.RECORD, plan["record"])
        mark(module, "hold", plan["hold"])
        mark(module, "unhold", plan["release"])
        write(_driver_hold.CONF, plan["conf"])
        if not plan["record"]:
            write(_driver_hold.RECORD, "")
        packages = _driver_hold.driver_packages(read(_driver_hold.STATUS_FILE))
        left = [name for name in plan["hold"] if not packages.get(name, ("", True))[1]]
        if left:
            module.fail_json(msg=f"apt-mark hold did not take: {', '.join(left)}; see `dpkg --get-selections` there.")
    held = sorted({name for name, (_version, is_held) in packages.items() if is_held} | set(plan["hold"]))
    module.exit_json(
        changed=plan["changed"],
        lines=plan["lines"],
        held=[name for name in held if name not in plan["release"]],
        notes=_driver_hold.notes(packages) if wanted else [],
        diff={"before": "", "after": "".join(line + "\n" for line in plan["lines"])},
    )


if __name__ == "__main__":
    main()
