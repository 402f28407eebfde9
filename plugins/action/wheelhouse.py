# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's half of wheelhouse: it reads the directory and sends what the host lacks, in parcels."""

from __future__ import annotations

import os
import tempfile

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..plugin_utils._wheelhouse_source import SourceError, pack, parcels, read_source

display = Display()


class ActionModule(ActionBase):
    """See the documentation of the module wheelhouse."""

    # Ansible then makes a directory for what is sent before, and removes it after.
    TRANSFERS_FILES = True
    _supports_async = False

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        if arguments.get("state", "present") != "present" or not arguments.get("src"):
            return self._ask(arguments, task_vars)
        if not boolean(arguments.get("remote_src", False), strict=False):
            source = os.path.abspath(os.path.expanduser(arguments["src"]))
            try:
                files = read_source(source)
            except (SourceError, OSError) as error:
                raise AnsibleActionFail(str(error)) from None
            if self._connection.transport != "local":
                return self._send(source, files, arguments, task_vars)
            arguments["src"] = source
        elif not os.path.isabs(arguments["src"]):
            raise AnsibleActionFail(f"wheelhouse {arguments['src']}: a path on the host has to be absolute")
        return self._ask(arguments, task_vars)

    def _ask(self, arguments, task_vars):
        return self._execute_module(
            module_name="mlinabox.core.wheelhouse", module_args=arguments, task_vars=task_vars, wrap_async=False
        )

    def _send(self, source, files, arguments, task_vars):
        """Send what the host lacks. Returns the module's result: what it planned, once all of that has come."""
        result = self._ask({**arguments, "_files": files}, task_vars)
        if result.get("failed") or self._task.check_mode:
            return result
        host = task_vars["inventory_hostname"]
        total, sent = sum(files[name]["size"] for name in result["sent"]), 0
        for names in parcels(result["sent"], files):
            display.display(f"{host} wheelhouse: {sent >> 20} of {total >> 20} MiB sent")
            wanted = {name: files[name] for name in names}
            parcel = {"_files": wanted, "_parcel": self._bring(source, names)}
            if len(names) == 1:
                parcel["_name"] = names[0]
            taken = self._ask({**arguments, **parcel}, task_vars)
            if taken.get("failed"):
                return taken
            sent += sum(one["size"] for one in wanted.values())
        return result

    def _bring(self, source, names):
        """Put files into the host's directory for this task, more than one as an archive. Returns the path there."""
        remote = self._connection._shell.join_path(self._connection._shell.tmpdir, "parcel")
        if len(names) == 1:
            self._transfer_file(os.path.join(source, names[0]), remote)
        else:
            with tempfile.TemporaryDirectory(dir=constants.DEFAULT_LOCAL_TMP) as folder:
                archive = os.path.join(folder, "parcel.tar")
                pack(source, names, archive)
                self._transfer_file(archive, remote)
        self._fixup_perms2((self._connection._shell.tmpdir, remote))
        return remote
