# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the action plugins of pip_lock and pip_lock_verify share: locks and smoke checks of the controller, read."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase

from ._requirements import PACKAGING_IMPORT_ERROR, LockFileError, marker_environment, read_lock


class LockAction(ActionBase):
    """An action plugin that reads locks. Errors are AnsibleActionFail with one line."""

    TRANSFERS_FILES = False

    def find(self, path):
        """Return a controller file's absolute path, looked up as ansible.builtin.copy does."""
        try:
            return self._find_needle("files", path)
        except AnsibleError:
            raise AnsibleActionFail(f"{self._task.action}: {path}: no such file on the controller") from None

    def read_text(self, path):
        """Return a controller file's text."""
        try:
            with open(self.find(path), encoding="utf-8") as stream:
                return stream.read()
        except (OSError, UnicodeDecodeError) as error:
            raise AnsibleActionFail(f"{path}: cannot be read: {error}") from None

    def read_checks(self, smoke):
        """Return smoke checks with the script's text in the place of its path `src`."""
        checks = []
        for check in smoke:
            if not isinstance(check, dict) or not check.get("src"):
                raise AnsibleActionFail(f"a smoke check is a mapping with name, distribution and src, not {check!r}")
            others = {key: value for key, value in check.items() if key != "src"}
            checks.append({**others, "script": self.read_text(check["src"])})
        return checks

    def read_pins(self, path, python, python_version, task_vars):
        """Return (the lock's pins that count on the host, as plain data; the Python that the lock is for)."""
        if PACKAGING_IMPORT_ERROR is not None:
            raise AnsibleActionFail(
                f"{self._task.action} needs the Python package 'packaging' on the controller: {PACKAGING_IMPORT_ERROR}"
            )
        try:
            lock = read_lock(self.find(path))
            wanted = str(python_version or lock.header.get("python") or "")
            markers = self._markers(python, wanted, task_vars) if lock.has_markers else {}
            return [pin.to_dict() for pin in lock.narrow(markers)], wanted
        except LockFileError as error:
            raise AnsibleActionFail(str(error)) from None

    def _markers(self, python, wanted, task_vars):
        """Return the marker environment to narrow by. The host is only asked where the lock depends on the answer."""
        found = self._execute_module(
            module_name="mlinabox.core.python_info", module_args={"python": python}, task_vars=task_vars
        )
        if found.get("found"):
            return marker_environment(found["version"], found["markers"])
        if wanted and self._task.check_mode:
            # The interpreter would be installed by an earlier task of the same play.
            return marker_environment(wanted)
        raise AnsibleActionFail(
            f"{self._task.action}: the interpreter {python} does not run on the host: {found.get('msg')}. "
            f"Install it first (role mlinabox.core.python)"
        )
