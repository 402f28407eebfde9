#!/usr/bin/python
# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pip_lock_progress
short_description: How far a run of pip_lock on a host is
version_added: 0.1.0
author: The ML in a Box authors (@mlinabox)
description:
  - Says what a run of M(mlinabox.core.pip_lock) is doing on a host, whoever started it.
  - M(mlinabox.core.pip_lock) itself asks with this module while it builds, and shows the answer.
options:
  name:
    description: The environment's name.
    type: str
    required: true
  root:
    description: Directory that holds environments and uv's cache.
    type: path
    default: /opt/mlinabox
  job:
    description: Path of the results file of an asynchronous task, which is then looked after too.
    type: path
  wait:
    description: Seconds to wait with the answer, unless the job ends or another phase begins before.
    type: float
    default: 0
  phase:
    description: The phase that is known already.
    type: str
    default: ""
extends_documentation_fragment: mlinabox.core.read_only
"""

EXAMPLES = r"""
- name: What is a run that somebody else started doing?
  mlinabox.core.pip_lock_progress:
    name: stack
  register: found
"""

RETURN = r"""
progress:
  description:
    - What the run says, empty where there is none. RV(ignore:phase) is one of download, build, link, compile, proof,
      switch and removal; RV(ignore:done) of RV(ignore:total) are bytes in a download and pieces elsewhere.
  returned: always
  type: dict
  sample:
    {"pid": 4711, "started": 1790000000.0, "phase": "download", "since": 1790000003.5, "text": "1.3 of 2.1 GiB left",
     "done": 858993459, "total": 2254857830}
seconds:
  description: How long the phase has been going on.
  returned: always
  type: float
  sample: 41.2
job:
  description: Of the asynchronous task, V(running), V(finished), or V(gone) where it ended without a result.
  returned: when O(job) is given
  type: str
other:
  description: Whether the run is another one, for which the asynchronous task waits.
  returned: when O(job) is given
  type: bool
"""

import os
import time

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._generations import Environment
from ..module_utils._job import job_state
from ..module_utils._progress import FILE, read_progress

#: Seconds between two looks.
EVERY = 0.1
#: Seconds before which a new phase is not worth an answer.
AT_LEAST = 1.0


def look(path, job):
    """Return the answer as plain data."""
    told = read_progress(path)
    answer = {"progress": told, "seconds": max(0.0, time.time() - told["since"]) if told else 0.0}
    if job:
        answer["job"] = job_state(job)
        try:
            # Written when the job began, and not again before it ends.
            answer["other"] = bool(told) and told["started"] < os.stat(job).st_mtime - 1
        except OSError:
            answer["other"] = False
    return answer


def main():
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "root": {"type": "path", "default": "/opt/mlinabox"},
            "job": {"type": "path"},
            "wait": {"type": "float", "default": 0},
            "phase": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    wanted = module.params
    try:
        path = os.path.join(Environment(wanted["root"], wanted["name"]).directory, FILE)
    except ValueError as error:
        module.fail_json(msg=str(error))
    begun = time.monotonic()
    while True:
        answer = look(path, wanted["job"])
        waited = time.monotonic() - begun
        new_phase = answer["progress"].get("phase", "") not in ("", wanted["phase"])
        if waited >= wanted["wait"] or answer.get("job") in ("finished", "gone") or (new_phase and waited >= AT_LEAST):
            break
        time.sleep(EVERY)
    module.exit_json(changed=False, **answer)


if __name__ == "__main__":
    main()
