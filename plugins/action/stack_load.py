# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action plugin stack_load: plugin_utils/_stack.py for one host, its errors as one line."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.mlinabox.core.plugins.plugin_utils import _stack


class ActionModule(ActionBase):
    """See the documentation of the module stack_load."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False
    _VALID_ARGS = frozenset(("name", "search_path", "distribution", "distribution_version", "architecture"))

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(
            argument_spec={
                "name": {"type": "str", "default": _stack.AUTO},
                "search_path": {"type": "list", "elements": "path", "required": True},
                "distribution": {"type": "str", "required": True},
                "distribution_version": {"type": "str", "required": True},
                "architecture": {"type": "str", "required": True},
            },
        )
        if options["architecture"] != _stack.ARCHITECTURE:
            raise AnsibleActionFail(
                f"This host is {options['architecture']}; the stacks' wheels and libraries are for "
                f"{_stack.ARCHITECTURE} only."
            )
        try:
            stack, warnings = _stack.choose(
                str(options["name"]),
                str(options["distribution"]),
                str(options["distribution_version"]),
                [str(folder) for folder in options["search_path"]],
            )
        except ValueError as error:
            raise AnsibleActionFail(str(error)) from None
        result.update(changed=False, stack=stack, missing_files=_stack.missing_files(stack), warnings=warnings)
        return result
