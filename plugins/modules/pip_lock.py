#!/usr/bin/python
# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pip_lock
short_description: A Python environment that is what its lock says, proved before it goes live
version_added: 0.1.0
author: The ML in a Box authors (@mlinabox)
description:
  - Brings an environment to a lock, in which every distribution is pinned and hashed. That is a requirements file, or a
    C(pylock.toml) (PEP 751).
  - A live environment is never edited. A new generation is built beside it with uv, proved on this host (the installed
    set equals the lock, the files are those that were recorded, the requirements agree, the smoke checks work) and then
    made live by moving one link. Where any of that fails, the live one stays as it was.
  - What is live can be taken back, offline, with O(state=rolled_back).
  - The lock and the smoke checks are files of the controller. They are read and validated there.
options:
  name:
    description: The environment's name. Letters, digits, V(_), V(.) and V(-).
    type: str
    required: true
  state:
    description:
      - V(present) makes the lock live.
      - V(rolled_back) makes an older generation live, the one before or O(generation).
      - V(absent) removes the environment with all its generations, unless programs still run from one.
    type: str
    choices: [present, rolled_back, absent]
    default: present
  lock:
    description:
      - Path of the lock on the controller. Relative paths are looked up as in M(ansible.builtin.copy).
      - A file called C(pylock.toml) or C(pylock.NAME.toml) is read as PEP 751 says, any other as a requirements file.
        The first needs packaging 26.1 or later on the controller.
      - Required with O(state=present).
    type: path
  extras:
    description: Extras of the lock that count besides, where it has such.
    type: list
    elements: str
    default: []
  groups:
    description: Dependency groups of a C(pylock.toml) that count, in the place of those that it has by default.
    type: list
    elements: str
  indexes:
    description:
      - Indexes that serve some packages of the lock. Each is asked for the packages that it is named for and for no
        others, and no other index is asked for those. Everything else comes from the default index.
      - A C(pylock.toml) may name indexes itself. The one that most of its packages name stands for the default one, the
        others count as they are named. This option goes before that.
    type: list
    elements: dict
    default: []
    suboptions:
      url:
        description: The address of the index (its C(simple) page).
        type: str
        required: true
      packages:
        description: Names of distributions.
        type: list
        elements: str
        required: true
  build_lock:
    description: Path on the controller of the lock for what builds source distributions (setuptools and such).
    type: path
  built_from_source:
    description:
      - Distributions of the lock that have no wheel. They are built on the host by O(smoke_user), never by root, with
        O(build_lock) alone where it is given.
      - Those that are not named here are found out one by one, which takes longer.
    type: list
    elements: str
    default: []
  python:
    description:
      - Absolute path of the interpreter on the host.
      - Required with O(state=present).
    type: path
  python_version:
    description: The Python that the lock is for. By default what the lock's first line says.
    type: str
  generation:
    description: With O(state=rolled_back), the generation to go back to. By default the one before the live one.
    type: str
  root:
    description: Directory that holds environments and uv's cache.
    type: path
    default: /opt/mlinabox
  uv:
    description: The uv program on the host. By default C(bin/uv) under O(root), where the role mlinabox.core.uv has it.
    type: path
  commands:
    description:
      - Commands of the environment that get a launcher in C(bin) under O(root), by which people run them.
      - One that is taken from the list loses it. A command is one environment's.
    type: list
    elements: str
    default: []
  smoke:
    description: Smoke checks, small programs that compute something with a package. All must do as expected.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: What is shown.
        type: str
        required: true
      distribution:
        description: The distribution that it is about.
        type: str
        required: true
      wanted:
        description: The version that is wanted, for the table.
        type: str
        default: ""
      src:
        description: Path of the script on the controller.
        type: path
        required: true
      memory:
        description: What it needs, in MiB.
        type: int
        default: 512
      timeout:
        description: Seconds until it counts as failed.
        type: int
        default: 180
      expected:
        description: Whether it is known to fail. A check that fails as expected holds nothing up.
        type: str
        choices: [works, fails]
        default: works
      reason:
        description: Why it is expected to fail.
        type: str
        default: ""
  smoke_user:
    description: Unprivileged user as whom the smoke checks run and source distributions are built.
    type: str
    default: nobody
  waivers:
    description:
      - Findings of the proof that are known and harmless, each with its reason.
      - Without O(waivers[].files) it is about a complaint of C(uv pip check), with it about files that the
        wheel records wrongly.
    type: list
    elements: dict
    default: []
    suboptions:
      distribution:
        description: The distribution that it is about.
        type: str
        required: true
      files:
        description:
          - Files that the wheel's own RECORD describes wrongly, relative to site-packages. They are recorded as
            installed, so that a later change is still found.
        type: list
        elements: str
        default: []
      reason:
        description: Why it is harmless.
        type: str
        required: true
  integrity:
    description: How closely files are held against what was recorded. V(size) finds missing and cut files, V(hash) all.
    type: str
    choices: [none, size, hash]
    default: size
  keep:
    description: How many generations to keep, the live one included. Used ones are kept besides.
    type: int
    default: 3
  space:
    description:
      - What the whole environment needs on disk, in MiB.
      - V(0) where nobody knows. Then the live generation's size is taken, and a first build is not checked.
    type: int
    default: 0
  compile:
    description: Compile bytecode in the build. The environment is root's, so nobody could do it later.
    type: bool
    default: true
  lock_timeout:
    description: Seconds to wait for another run on the same environment.
    type: int
    default: 600
  wheelhouse:
    description:
      - Absolute path of a directory on the host with the wheels and source archives that the lock needs, as
        C(./box wheelhouse) makes it and M(mlinabox.core.wheelhouse) brings it to a host. Any directory with the right
        files will do; hashes are held against the lock.
      - No index and no address is asked then, no network is needed. What lacks is named before anything is built.
    type: path
  progress:
    description:
      - Show on the controller how far a build is. It then runs in the background of the host, whatever becomes of the
        connection.
      - Without effect with C(async) on the task, which runs it in the background and shows nothing.
    type: bool
    default: true
  _defer:
    description: For the action plugin, which has a build run in the background. Not to be set.
    type: bool
    default: false
  _pins:
    description: For the action plugin, which reads O(lock) on the controller. Not to be set.
    type: list
    elements: dict
  _platform:
    description: For the action plugin, the platform that the first line of O(lock) names. Not to be set.
    type: str
    default: ""
  _build_constraints:
    description: For the action plugin, which reads O(build_lock) on the controller. Not to be set.
    type: str
    default: ""
  _checks:
    description: For the action plugin, which reads the programs of O(smoke) on the controller. Not to be set.
    type: list
    elements: dict
    default: []
attributes:
  async:
    description: As with any module, C(async) and C(poll) on the task run it in the background. There is no need to.
    support: full
  check_mode:
    description: Returns the plan that a run carries out.
    support: full
  diff_mode:
    description: One line for each package that changes.
    support: full
  idempotent:
    description: Changes nothing where the live generation is what the lock says and whole.
    support: full
notes:
  - Proxy, certificates and index are those of the task's C(environment) (C(https_proxy), C(SSL_CERT_FILE),
    C(UV_DEFAULT_INDEX)).
"""

EXAMPLES = r"""
- name: The stack
  mlinabox.core.pip_lock:
    name: stack
    lock: requirements.txt
    python: /usr/bin/python3.11

- name: A lock of another tool's, with an index that serves just torch
  mlinabox.core.pip_lock:
    name: mine
    lock: pylock.toml
    python: /usr/bin/python3.11
    extras: [table]
    indexes:
      - url: https://mirror.example.org/torch/simple
        packages: [torch]

- name: Back to the generation before
  mlinabox.core.pip_lock:
    name: stack
    state: rolled_back
"""

RETURN = r"""
generation:
  description: The generation that is live now. In check mode the one that is live.
  returned: always
  type: str
  sample: 20261121T051800Z-1f2e3d4c
previous:
  description: The generation that was live before a switch.
  returned: when switched
  type: str
plan:
  description: What changes, a step a package.
  returned: state=present
  type: list
  elements: dict
  sample: [{"name": "numpy", "action": "upgrade", "before": "1.23.1", "after": "1.23.2", "why": ""}]
reasons:
  description: Why a generation is built besides what the plan says.
  returned: state=present
  type: list
  elements: str
summary:
  description: The plan in one line.
  returned: always
  type: str
  sample: 214 to install
launchers:
  description: Launchers that are not as they should be.
  returned: state=present
  type: list
  elements: str
proof:
  description: How the new generation was proved, with the smoke checks' results and the waived complaints.
  returned: when built or switched
  type: dict
removed:
  description: Generations that were removed because there are more than O(keep).
  returned: when switched
  type: list
  elements: str
kept_in_use:
  description: Generations that would have been removed but are used, with who uses them.
  returned: when switched
  type: dict
lock_digest:
  description: Names what was asked for, sha256.
  returned: state=present
  type: str
"""

import os
import signal

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._generations import InUseError
from ..module_utils._pins import Pin
from ..module_utils._pip_lock import PipLock
from ..module_utils._request import PipLockError, Request
from ..module_utils._smoke_check import Check

# What the action plugin sends in the place of `lock`, `build_lock` and each check's `src`.
_FROM_CONTROLLER = {
    "_defer": {"type": "bool", "default": False},
    "_pins": {"type": "list", "elements": "dict"},
    "_platform": {"type": "str", "default": ""},
    "_build_constraints": {"type": "str", "default": ""},
    "_checks": {"type": "list", "elements": "dict", "default": []},
}


def argument_spec():
    """Return the module's options, those that the action plugin resolves included."""
    return {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "rolled_back", "absent"], "default": "present"},
        "lock": {"type": "path"},
        "extras": {"type": "list", "elements": "str", "default": []},
        "groups": {"type": "list", "elements": "str"},
        "indexes": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "url": {"type": "str", "required": True},
                "packages": {"type": "list", "elements": "str", "required": True},
            },
        },
        "build_lock": {"type": "path"},
        "built_from_source": {"type": "list", "elements": "str", "default": []},
        "python": {"type": "path"},
        "python_version": {"type": "str"},
        "generation": {"type": "str"},
        "root": {"type": "path", "default": "/opt/mlinabox"},
        "uv": {"type": "path"},
        "commands": {"type": "list", "elements": "str", "default": []},
        "smoke": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "name": {"type": "str", "required": True},
                "distribution": {"type": "str", "required": True},
                "wanted": {"type": "str", "default": ""},
                "src": {"type": "path", "required": True},
                "memory": {"type": "int", "default": 512},
                "timeout": {"type": "int", "default": 180},
                "expected": {"type": "str", "choices": ["works", "fails"], "default": "works"},
                "reason": {"type": "str", "default": ""},
            },
        },
        "smoke_user": {"type": "str", "default": "nobody"},
        "waivers": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "distribution": {"type": "str", "required": True},
                "files": {"type": "list", "elements": "str", "default": []},
                "reason": {"type": "str", "required": True},
            },
        },
        "integrity": {"type": "str", "choices": ["none", "size", "hash"], "default": "size"},
        "keep": {"type": "int", "default": 3},
        "space": {"type": "int", "default": 0},
        "compile": {"type": "bool", "default": True},
        "lock_timeout": {"type": "int", "default": 600},
        "wheelhouse": {"type": "path"},
        "progress": {"type": "bool", "default": True},
    }


def make_request(params):
    """Return the Request that the module's parameters ask for. Raises ValueError."""
    return Request(
        root=params["root"],
        name=params["name"],
        uv=params["uv"] or os.path.join(params["root"], "bin", "uv"),
        python=params["python"] or "",
        python_version=params["python_version"] or "",
        platform=params["_platform"],
        pins=[Pin.from_dict(pin) for pin in params["_pins"] or []],
        build_constraints=params["_build_constraints"],
        built_from_source=params["built_from_source"],
        commands=params["commands"],
        launchers=os.path.join(params["root"], "bin"),
        checks=[Check.from_dict(check) for check in params["_checks"]],
        waivers=params["waivers"],
        integrity=params["integrity"],
        keep=params["keep"],
        space=params["space"],
        compile_bytecode=params["compile"],
        lock_timeout=params["lock_timeout"],
        smoke_user=params["smoke_user"],
        index=os.environ.get("UV_DEFAULT_INDEX", ""),
        wheelhouse=params["wheelhouse"] or "",
    )


def main():
    module = AnsibleModule(
        argument_spec={**argument_spec(), **_FROM_CONTROLLER},
        required_if=[("state", "present", ["_pins", "python"])],
        supports_check_mode=True,
    )
    # Whatever the caller's umask: what root builds, everybody must be able to read.
    os.umask(0o022)
    # Ignored, as some callers pass it on, it would have the kernel throw away how our processes ended.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        run = PipLock(make_request(module.params))
        if module.params["state"] == "rolled_back":
            result = run.roll_back(module.params["generation"], module.check_mode)
        elif module.params["state"] == "absent":
            result = run.absent(module.check_mode)
        else:
            result = run.present(module.check_mode, module.params["_defer"])
    except PipLockError as error:
        module.fail_json(msg=str(error), **error.details)
    except InUseError as error:
        module.fail_json(msg=f"environment {module.params['name']}: {error}. End it, then run again")
    except (ValueError, OSError) as error:
        module.fail_json(msg=f"environment {module.params['name']}: {error}")
    module.exit_json(**{key: value for key, value in result.items() if not key.startswith("_")})


if __name__ == "__main__":
    main()
