# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action plugin gpu_fit: plugin_utils/_gpu_preflight.py for one host."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.mlinabox.core.plugins.module_utils._gpu_fit import refused
from ansible_collections.mlinabox.core.plugins.plugin_utils import _gpu_preflight, _stack, _stack_view

REFUSE = "refuse"
WARN = "warn"
IGNORE = "ignore"


class ActionModule(ActionBase):
    """See the documentation of the module gpu_fit."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False
    _VALID_ARGS = frozenset(
        (
            "host",
            "stack",
            "variant",
            "toolkits",
            "environments",
            "search_path",
            "distribution",
            "distribution_version",
            "problems",
        )
    )

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(
            argument_spec={
                "host": {"type": "dict", "required": True},
                "stack": {"type": "dict", "required": True},
                "variant": {"type": "str", "default": "auto"},
                "toolkits": {"type": "list", "elements": "str", "default": [_gpu_preflight.OF_STACK]},
                "environments": {"type": "list", "elements": "dict", "default": []},
                "search_path": {"type": "list", "elements": "path", "default": []},
                "distribution": {"type": "str", "required": True},
                "distribution_version": {"type": "str", "required": True},
                "problems": {"type": "str", "choices": [REFUSE, WARN, IGNORE], "default": REFUSE},
            },
        )
        release = (str(options["distribution"]), str(options["distribution_version"]))
        host, stack, variant = options["host"], options["stack"], options["variant"]
        try:
            found, message = _gpu_preflight.check(
                host,
                stack,
                variant and _stack_view.choose_variant(stack, variant, host.get("kind")),
                options["toolkits"],
                [{"name": one.get("name", ""), "lock": self._lock(one)} for one in options["environments"]],
                _stack.for_host([str(folder) for folder in options["search_path"]], *release),
                release,
            )
        except ValueError as error:
            raise AnsibleActionFail(str(error)) from None
        fits = not refused(found)
        if not fits and options["problems"] == REFUSE:
            # One line, without the list that it was made of.
            raise AnsibleActionFail(f"{message} With nvidia_check_fit=warn it is installed all the same.")
        if found and options["problems"] != IGNORE:
            result["warnings"] = [message]
        result.update(changed=False, fits=fits, found=found)
        return result

    def _lock(self, environment):
        """Return the path of a lock as pip_lock finds it; where it is not there, that is for pip_lock to say."""
        try:
            return self._find_needle("files", environment.get("lock", ""))
        except AnsibleError:
            return ""
