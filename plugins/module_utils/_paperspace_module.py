# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules for Paperspace share: common options, the API made from these, one line for what went wrong."""

from __future__ import annotations

from ansible.module_utils.basic import env_fallback

from ._paperspace_api import ADDRESS, Api
from ._paperspace_errors import ApiError, PaperspaceError, one_line
from ._paperspace_http import send
from ._paperspace_wait import Waiting

#: Options of a module that waits.
WAIT = {
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 1800},
    "wait_interval": {"type": "float", "default": 5.0},
}


def arguments(**own):
    """Return an argument_spec: the module's own options and those of the API."""
    return {
        "api_key": {"type": "str", "no_log": True, "fallback": (env_fallback, ["PAPERSPACE_API_KEY"])},
        "api_url": {"type": "str", "default": ADDRESS, "fallback": (env_fallback, ["PAPERSPACE_API_URL"])},
        "api_timeout": {"type": "int", "default": 30},
        **own,
    }


def run(module, work):
    """Do a module's work and end it: with its result, or with one line and what is there all the same.

    From module only params, check_mode, debug, warn, exit_json and fail_json are used.
    work: called with (Api, Waiting, check mode), returns the result (dict); its `warnings` are the module's.
    """
    params = module.params
    try:
        api = Api(send, params["api_key"], params["api_url"], params["api_timeout"], tell=module.debug)
    except ValueError as error:
        module.fail_json(msg=f"{error}.")
    waiting = Waiting(api, params.get("wait_timeout") or 0, params.get("wait_interval") or 0)
    try:
        result = work(api, waiting, module.check_mode)
    except (ApiError, PaperspaceError) as error:
        # Some of the words are the API's.
        module.fail_json(msg=one_line(error, 2000), **getattr(error, "found", {}))
    for warning in result.pop("warnings", []):
        module.warn(one_line(warning))
    module.exit_json(**result)
