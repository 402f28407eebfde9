# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the action plugins of pip_lock and pip_lock_verify share: locks and smoke checks of the controller, read."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase

from ..module_utils._indexes import shown
from ..module_utils._pins import normalize
from ._lock_file import Host, LockFileError, marker_environment
from ._lock_indexes import assign_indexes, read_indexes
from ._locks import read_lock
from ._requirements import PACKAGING_IMPORT_ERROR


class LockAction(ActionBase):
    """An action plugin that reads locks. Errors are AnsibleActionFail with one line."""

    TRANSFERS_FILES = False

    def find(self, path):
        """Return a controller file's absolute path, looked up as ansible.builtin.copy does."""
        try:
            return self._find_needle("files", path)
        except AnsibleError:
            start = self._loader.get_basedir()
            where = "" if path.startswith(("/", "~")) else f" (looked up from the playbook's folder, {start})"
            raise AnsibleActionFail(f"{self._task.action}: {path}: no such file on the controller{where}") from None

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

    def read_pins(self, options, task_vars, fetched=True):
        """Return (the lock's pins that count on the host, as plain data; what its first line says, dict).

        options: what the task says of this lock: lock, python, and where given python_version, extras, groups, indexes;
        fetched: whether the host is to fetch them, so that it matters where from.
        The Python that the lock is for comes back as `python` of the second, the option before the lock.
        """
        if PACKAGING_IMPORT_ERROR is not None:
            raise AnsibleActionFail(
                f"{self._task.action} needs the Python package 'packaging' on the controller: {PACKAGING_IMPORT_ERROR}"
            )
        try:
            indexes = read_indexes(self._list(options, "indexes") or [])
            lock = read_lock(self.find(options["lock"]))
            header = {**lock.header, "python": str(options.get("python_version") or lock.header.get("python") or "")}
            asked = {
                "extras": tuple(normalize(str(name)) for name in self._list(options, "extras") or []),
                "groups": self._list(options, "groups"),
            }
            host = None
            if lock.depends_on_host or asked["extras"] or asked["groups"] is not None:
                host = self._host(options.get("python"), header["python"], task_vars, asked)
            pins = lock.narrow(host)
            if fetched:
                pins = assign_indexes(pins, indexes, lock.names, lock.path)
        except LockFileError as error:
            raise AnsibleActionFail(shown(str(error))) from None
        except ValueError as error:
            raise AnsibleActionFail(shown(f"{self._task.action}: {error}")) from None
        return [pin.to_dict() for pin in pins], header

    @staticmethod
    def _list(options, name):
        """Return an option that is a list, or None where it is not given. One text is a list of it."""
        value = options.get(name)
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        if value is not None and not isinstance(value, (list, tuple)):
            raise ValueError(f"the option {name} is a list, not {value!r}")
        return value if value is None else tuple(value)

    def _host(self, python, wanted, task_vars, asked):
        """Return the Host to narrow by. It is only asked where the lock depends on the answer."""
        if not python:
            raise AnsibleActionFail(
                f"{self._task.action}: what counts of the lock depends on the interpreter. Name it with the option "
                f"python"
            )
        found = self._execute_module(
            module_name="mlinabox.core.python_info", module_args={"python": python}, task_vars=task_vars
        )
        if found.get("found"):
            markers = marker_environment(found["version"], found["markers"])
            return Host(markers, tuple(found["glibc"]), found["abi_flags"], **asked)
        if wanted and self._task.check_mode:
            # The interpreter would be installed by an earlier task of the same play.
            return Host(marker_environment(wanted), **asked)
        raise AnsibleActionFail(
            f"{self._task.action}: the interpreter {python} does not run on the host: {found.get('msg')}. "
            f"Install it first (role mlinabox.core.python)"
        )
