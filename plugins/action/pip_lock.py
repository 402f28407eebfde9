# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's half of pip_lock: the lock and the smoke checks are files of the controller.

What takes long, building a generation, runs in the background of the host while the controller shows how far it is.
All else is one call of the module, as is the whole in check mode and where the user wants it asynchronous (`async`) or
quiet (`progress: false`).
"""

from __future__ import annotations

import os

from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.utils.display import Display

from ..plugin_utils._background import Background, NotStartedError
from ..plugin_utils._lock_action import LockAction
from ..plugin_utils._progress_lines import InPlace, PlainLines

display = Display()

# Found out when this is imported, which the main process does before it hands tasks to its workers: these have no
# terminal any more. 0 where there is none; one that does not know its size is taken for a narrow one.
_COLUMNS = (os.get_terminal_size(2).columns or 80) if os.isatty(2) else 0


class ActionModule(LockAction):
    """Reads and validates what the task names, then runs the module with it."""

    _supports_async = True

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
        if (
            arguments.get("state", "present") != "present"
            or self._task.check_mode
            or self._task.async_val
            or not boolean(arguments.get("progress", True), strict=False)
        ):
            return self._run_module(arguments, task_vars, wrap_async=self._task.async_val)
        result = self._run_module({**arguments, "_defer": True}, task_vars)
        if not result.pop("deferred", False):
            return result
        return self._build(arguments, task_vars)

    def _run_module(self, arguments, task_vars, **more):
        return self._execute_module(
            module_name="mlinabox.core.pip_lock", module_args=arguments, task_vars=task_vars, **more
        )

    def _build(self, arguments, task_vars):
        """Have the module build in the background, and show how far it is."""
        who = f"{task_vars['inventory_hostname']} {arguments['name']}"
        place = {key: arguments[key] for key in ("name", "root") if key in arguments}
        try:
            return Background(self, who, place, self._lines(task_vars), task_vars).run(
                "mlinabox.core.pip_lock", arguments
            )
        except NotStartedError as error:
            display.vv(f"{who}: not in the background ({error}), so without progress")
            return self._run_module(arguments, task_vars)

    def _lines(self, task_vars):
        hosts = len(task_vars.get("ansible_play_batch") or [])
        if hosts == 1 and _COLUMNS:
            return InPlace(self._show, _COLUMNS)
        return PlainLines(self._show, min(hosts, task_vars.get("ansible_forks") or hosts))

    def _show(self, text):
        """Show what is under way. On standard error, which is written at once, and is no part of a result."""
        if not self._task.no_log:
            display.display(text, stderr=True, newline=False, screen_only=not text.endswith("\n"))
