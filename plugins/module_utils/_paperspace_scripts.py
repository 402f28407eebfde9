# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Startup scripts at Paperspace, kept under a name with their text's digest. No Ansible import.

The API never says a script's text, so its name has to: `<name>-<12 digits of SHA-256>`. A script is changed in place:
the machines that it is assigned to keep it.
"""

from __future__ import annotations

import hashlib
import re

from ._paperspace_errors import ApiError, PaperspaceError
from ._paperspace_facts import described

_DIGITS = 12


def digest(text):
    """Return the digits that stand for a script's text."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:_DIGITS]


class StartupScripts:
    """The startup scripts of a team."""

    def __init__(self, api):
        self._api = api

    def find(self, name):
        """Return the script kept under a name, whatever its text, or None. PaperspaceError where there are two."""
        kept = re.compile(re.escape(name) + rf"-[0-9a-f]{{{_DIGITS}}}")
        found = [one for one in self._api.all("startup-scripts") if kept.fullmatch(str(one.get("name")))]
        if len(found) > 1:
            ids = ", ".join(sorted(f"{one['name']} ({one['id']})" for one in found))
            raise PaperspaceError(f"{len(found)} startup scripts are kept as {name!r}: {ids}. Remove all but one.")
        return found[0] if found else None

    def present(self, name, text, once, check):
        """Have a script. Returns the module's result (dict). once: whether it runs only on the first boot."""
        wanted = {"name": f"{name}-{digest(text)}", "isRunOnce": once}
        found = self.find(name)
        differs = {} if found is None else {field: v for field, v in wanted.items() if found.get(field) != v}
        if found is not None and not differs:
            return _result(False, found, {}, {})
        before = {field: found.get(field) for field in wanted} if found else {}
        if check:
            return _result(True, {"id": "", **(found or {}), **wanted}, before, wanted)
        if found is None:
            body = {**wanted, "script": text}
            made = self._api.change("POST", ["startup-scripts"], body, lambda: self.find(name))
        else:
            made = self._api.put("startup-scripts", found["id"], script=text, **differs)
        if not isinstance(made, dict) or not isinstance(made.get("id"), str):
            raise ApiError(f"startup script {name!r}: the API's answer has no id in it.")
        return _result(True, made, before, wanted)

    def absent(self, name, check):
        """Have no script of that name, whatever its text. Returns the module's result (dict)."""
        found = self.find(name)
        if found is None:
            return _result(False, {}, {}, {})
        if not check:
            try:
                self._api.change(
                    "DELETE", ["startup-scripts", found["id"]], None, lambda: {} if self.find(name) is None else None
                )
            except ApiError as error:
                if not error.missing:
                    raise
        return _result(True, found, {"name": found["name"]}, {})


def _result(changed, script, before, after):
    return {"changed": changed, "startup_script": described(script), "diff": {"before": before, "after": after}}
