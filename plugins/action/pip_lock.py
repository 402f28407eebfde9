# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's half of pip_lock: the lock and the smoke checks are files of the controller."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail

from ..plugin_utils._lock_action import LockAction


class ActionModule(LockAction):
    """Reads and validates what the task names, then runs the module with it."""

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        arguments["_checks"] = self.read_checks(arguments.get("smoke") or [])
        if arguments.get("state", "present") == "present":
            for option in ("lock", "python"):
                if not arguments.get(option):
                    raise AnsibleActionFail(f"pip_lock: state is present but the option {option!r} is missing")
            arguments["_pins"], header = self.read_pins(arguments, task_vars)
            arguments["python_version"] = header["python"]
            arguments["_platform"] = header.get("platform", "")
            if arguments.get("build_lock"):
                arguments["_build_constraints"] = self.read_text(arguments["build_lock"])
        return self._execute_module(
            module_name="mlinabox.core.pip_lock",
            module_args=arguments,
            task_vars=task_vars,
            wrap_async=self._task.async_val,
        )
