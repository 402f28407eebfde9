#!/usr/bin/python
# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings in the Docker engine's daemon.json, among those of others."""

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_daemon_config
short_description: Merges settings into the Docker engine's daemon.json
version_added: 0.1.0
author:
  - The ML in a Box authors (@mlinabox)
description:
  - Puts settings into the file among those of others. An object gets the keys, a list the items that it lacks, anything
    else is replaced. What others have stays, and so do the order of the keys and the indentation.
  - A file that is not valid JSON, or in which a key stands twice, is an error that names the line and the column, and
    is left alone.
  - What in the file is its own stands in O(record), so that other settings take the place of the earlier ones, and
    O(state=absent) gives back the file as it was, byte for byte where nobody has changed it since.
  - It neither reloads nor restarts the engine, and says in RV(needed) which it needs. After it has, O(state=settled)
    says so; where the engine does not come up again, O(state=reverted) puts the old file back.
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Returns details on what has changed (or possibly needs changing in check mode), when in diff mode.
    support: full
    details:
      - Names and passwords in addresses are left out of it.
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no
        change.
    support: full
options:
  path:
    description: The file. Where it is a link, what it leads to is written.
    type: path
    default: /etc/docker/daemon.json
  record:
    description:
      - The file that says what of O(path) is this module's. Of root alone, since daemon.json may hold passwords.
    type: path
    default: /var/lib/mlinabox/docker/daemon.json
  settings:
    description: What the file is to say, as an object of daemon.json's.
    type: dict
    default: {}
  suggestions:
    description:
      - Objects that go in as a whole, each where neither the file nor O(settings) has any of its keys.
    type: list
    elements: dict
    default: []
  state:
    description:
      - V(absent) takes out what this module put in. What somebody changed since stays, and is named in RV(left).
      - V(settled) notes that the engine works by the file.
      - V(reverted) puts the file back as it was when the engine last worked by it.
    type: str
    choices: [present, absent, settled, reverted]
    default: present
  validate:
    description:
      - Program and arguments that try the new file before it takes the old one's place, C(%s) being its path, such as
        C(dockerd --validate --config-file %s). In check mode too.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Let the engine know NVIDIA's runtime
  mlinabox.core.docker_daemon_config:
    settings:
      runtimes:
        nvidia:
          path: nvidia-container-runtime
    suggestions:
      - log-driver: json-file
        log-opts: {max-size: 50m, max-file: "3"}
    validate: [/usr/bin/dockerd, --validate, --config-file, "%s"]
  register: written

- name: Have the engine work by it
  ansible.builtin.systemd_service:
    name: docker
    state: "{{ written.needed }}ed"
  when: written.needed != 'nothing'

- name: Note that it does
  mlinabox.core.docker_daemon_config:
    state: settled
"""

RETURN = r"""
needed:
  description:
    - What a running engine needs to work by the file - V(nothing), V(reload) or V(restart). An earlier run's change
      counts too until O(state=settled).
  type: str
  returned: success
  sample: restart
keys:
  description: The file's keys that are other than before.
  type: list
  elements: str
  returned: success
  sample: [runtimes]
left:
  description: What was put in earlier and stays, because somebody has changed it since.
  type: list
  elements: str
  returned: success
  sample: [runtimes.nvidia.path]
data:
  description: What the file says afterwards, without names and passwords in addresses.
  type: dict
  returned: success
  sample: {"runtimes": {"nvidia": {"path": "nvidia-container-runtime"}}}
"""

import os
import re
import stat
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mlinabox.core.plugins.module_utils import _daemon_file
from ansible_collections.mlinabox.core.plugins.module_utils._json_text import parse, same

_PASSWORD = re.compile(r"(?<=://)[^/@\s\"]+@")


def read(path):
    """Return the text of a file, None where there is none. ValueError when it is not UTF-8."""
    try:
        with open(path, "rb") as stream:
            return stream.read().decode("utf-8-sig")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start + 1} is not UTF-8") from error


def public(text):
    """Return a text without the names and passwords in its addresses."""
    return _PASSWORD.sub("***@", text or "")


def reason(output):
    """Return the line of dockerd's output that says why; its last one may be a hint at its help."""
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["not a word"]
    return lines[0][len("Status: ") :] if lines[0].startswith("Status: ") else lines[0]


def write(path, text, mode):
    """Write `text` to `path` in one step; None removes the file. A file that is there keeps its mode and owner."""
    if text is None:
        if os.path.lexists(path):
            os.unlink(path)
        return
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".mlinabox-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            if os.path.exists(path):
                there = os.stat(path)
                os.fchown(handle, there.st_uid, there.st_gid)
                mode = stat.S_IMODE(there.st_mode)
            os.fchmod(handle, mode)
            os.fsync(handle)
        os.rename(beside, path)
    except BaseException:
        os.unlink(beside)
        raise


class DaemonConfig:
    """One call. From `module` only params, check_mode, tmpdir, run_command and fail_json are used."""

    def __init__(self, module):
        self.module = module
        self.params = module.params
        self.path = os.path.realpath(self.params["path"])

    def run(self):
        """Make the plan, try the new file, carry the plan out; return the module's result."""
        text, record = self._file(), self._record()
        plan = self._plan(text, record)
        if plan.text != text and plan.text is not None:
            self._validate(plan.text)
        if not self.module.check_mode:
            # First the record: what is in the file and not in the record would stay for ever.
            if plan.record != record:
                write(self.params["record"], plan.record and _daemon_file.record_text(plan.record), 0o600)
            if plan.text != text:
                write(self.path, plan.text, 0o644)
        before, after = self._data(text), self._data(plan.text)
        keys = [key for key in {**before, **after} if not (key in before and key in after)]
        keys += [key for key in before if key in after and not same(before[key], after[key])]
        return {
            "changed": plan.changed,
            "needed": plan.needed,
            "keys": sorted(keys),
            "left": plan.left,
            "data": self._data(public(plan.text)),
            "diff": {
                "before_header": self.params["path"],
                "after_header": self.params["path"],
                "before": public(text),
                "after": public(plan.text),
            },
        }

    def _plan(self, text, record):
        state = self.params["state"]
        try:
            if state == "present":
                return _daemon_file.present(text, record, self.params["settings"], self.params["suggestions"])
            if state == "absent":
                return _daemon_file.absent(text, record)
            if state == "settled":
                return _daemon_file.settled(text, record)
        except ValueError as error:
            self._fail(error)
        try:
            return _daemon_file.reverted(text, record)
        except ValueError as error:
            self.module.fail_json(msg=f"{self.params['path']} is not put back as it was: {error}.")

    def _data(self, text):
        try:
            return parse(text or "")
        except ValueError as error:
            self._fail(error)

    def _file(self):
        try:
            return read(self.path)
        except ValueError as error:
            self._fail(error)
        except OSError as error:
            self.module.fail_json(msg=f"{self.params['path']} cannot be read: {error.strerror}.")

    def _record(self):
        path = self.params["record"]
        try:
            text = read(path)
            return None if text is None else _daemon_file.read_record(text)
        except (ValueError, OSError) as error:
            self.module.fail_json(
                msg=f"{path}: {error}. It says what of {self.params['path']} is this collection's; remove it to let "
                "all of that count as somebody else's."
            )

    def _fail(self, error):
        self.module.fail_json(
            msg=f"{self.params['path']} is not valid JSON: {error}. The engine could not read it either. Mend it, or "
            "move it away, and run this again; nothing was changed."
        )

    def _validate(self, text):
        if not self.params["validate"]:
            return
        handle, path = tempfile.mkstemp(dir=self.module.tmpdir)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        command = [word.replace("%s", path) for word in self.params["validate"]]
        rc, out, err = self.module.run_command(command, environ_update={"LC_ALL": "C"})
        if rc:
            said = reason(public(err or out)).replace(path, self.params["path"])
            self.module.fail_json(
                msg=f"The engine would not start with the new {self.params['path']}: {said}. The file is as it was."
            )


def main():
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "default": "/etc/docker/daemon.json"},
            "record": {"type": "path", "default": "/var/lib/mlinabox/docker/daemon.json"},
            "settings": {"type": "dict", "default": {}},
            "suggestions": {"type": "list", "elements": "dict", "default": []},
            "state": {
                "type": "str",
                "choices": ["present", "absent", "settled", "reverted"],
                "default": "present",
            },
            "validate": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    module.exit_json(**DaemonConfig(module).run())


if __name__ == "__main__":
    main()
