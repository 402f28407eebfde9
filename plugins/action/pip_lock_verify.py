# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's half of pip_lock_verify: the locks and the smoke checks are files of the controller."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail

from ..plugin_utils._lock_action import LockAction


class ActionModule(LockAction):
    """Reads and validates what the task names, then runs the module with it."""

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        environments = arguments.get("environments")
        if not isinstance(environments, list) or not all(isinstance(one, dict) for one in environments):
            raise AnsibleActionFail("pip_lock_verify: the option 'environments' is a list of mappings with a name")
        arguments["_read"] = [self._read(one, task_vars) for one in environments]
        return self._execute_module(
            module_name="mlinabox.core.pip_lock_verify", module_args=arguments, task_vars=task_vars
        )

    def _read(self, one, task_vars):
        pins = None
        if one.get("lock"):
            pins, _header = self.read_pins(one, task_vars, fetched=False)
        return {"checks": self.read_checks(one.get("smoke") or []), "pins": pins}
