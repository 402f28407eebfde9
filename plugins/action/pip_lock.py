# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's half of pip_lock: reads and validates the lock and the smoke checks, narrows the lock to the host."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase

from ..plugin_utils._controller_files import read_checks, read_text
from ..plugin_utils._requirements import PACKAGING_IMPORT_ERROR, LockFileError, marker_environment, read_lock


class ActionModule(ActionBase):
    """Runs on the controller in the place of the module, then runs the module with what was read."""

    TRANSFERS_FILES = False

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        arguments["_checks"] = read_checks(self, arguments.get("smoke") or [])
        if arguments.get("state", "present") == "present":
            self._read_lock(arguments, task_vars)
        return self._execute_module(
            module_name="mlinabox.core.pip_lock", module_args=arguments, task_vars=task_vars, wrap_async=self._task.async_val
        )

    def _read_lock(self, arguments, task_vars):
        """Replace `lock` and `build_lock` by what they say. Raises AnsibleActionFail with one line."""
        if PACKAGING_IMPORT_ERROR is not None:
            raise AnsibleActionFail(
                f"pip_lock needs the Python package 'packaging' on the controller: {PACKAGING_IMPORT_ERROR}"
            )
        for option in ("lock", "python"):
            if not arguments.get(option):
                raise AnsibleActionFail(f"pip_lock: state is present but the option {option!r} is missing")
        try:
            lock = read_lock(self._find(arguments["lock"]))
            wanted = str(arguments.get("python_version") or lock.header.get("python") or "")
            arguments["python_version"] = wanted
            arguments["_pins"] = [pin.to_dict() for pin in lock.narrow(self._markers(lock, arguments, wanted, task_vars))]
            if arguments.get("build_lock"):
                path = self._find(arguments["build_lock"])
                read_lock(path)
                arguments["_build_constraints"] = read_text(path)
        except LockFileError as error:
            raise AnsibleActionFail(str(error)) from error

    def _markers(self, lock, arguments, wanted, task_vars):
        """Return the marker environment to narrow by. The host is only asked where the lock depends on the answer."""
        if not lock.has_markers:
            return {}
        found = self._execute_module(
            module_name="mlinabox.core.python_info", module_args={"python": arguments["python"]}, task_vars=task_vars
        )
        if found.get("found"):
            return marker_environment(found["version"], found["markers"])
        if wanted and self._task.check_mode:
            # The interpreter would be installed by an earlier task of the same play.
            return marker_environment(wanted)
        raise AnsibleActionFail(
            f"pip_lock: the interpreter {arguments['python']} does not run on the host: {found.get('msg')}. "
            f"Install it first (role mlinabox.core.python)"
        )

    def _find(self, path):
        """Return a controller file's absolute path, looked up as other actions do."""
        try:
            return self._find_needle("files", path)
        except AnsibleError as error:
            raise AnsibleActionFail(f"pip_lock: {path}: no such file on the controller") from error
