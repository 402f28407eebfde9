# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of the controller that travel to the host inside a module's arguments."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail


def read_text(path):
    """Return a file's text. Raises AnsibleActionFail with the path and the cause."""
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except (OSError, UnicodeDecodeError) as error:
        raise AnsibleActionFail(f"{path}: cannot be read: {error}") from error


def read_checks(action, smoke):
    """Return smoke checks with the script's text in the place of its path `src`.

    action: the ActionBase that looks files up (only _find_needle is used). Raises AnsibleActionFail.
    """
    checks = []
    for check in smoke:
        if not isinstance(check, dict) or not check.get("src"):
            raise AnsibleActionFail(f"a smoke check is a mapping with name, distribution and src, not {check!r}")
        checks.append(
            {
                **{key: value for key, value in check.items() if key != "src"},
                "script": read_text(action._find_needle("files", check["src"])),
            }
        )
    return checks
