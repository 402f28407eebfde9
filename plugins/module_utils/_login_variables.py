# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables that a host sets for everybody who logs in, read from the files that set them. No Ansible import.

pam_env reads /etc/environment at each login (pam_env(8)), shells read /etc/profile and what lies in /etc/profile.d,
systemd's user manager reads /etc/environment.d (environment.d(5)). Nothing is executed: of a shell's profile only
plain assignments are understood.
"""

from __future__ import annotations

import re

from ._gpu_root import names, read_text

_FILES = (
    "/etc/environment",
    "/etc/security/pam_env.conf",
    "/etc/profile",
    "/etc/bash.bashrc",
    "/etc/zsh/zshenv",
)
_FOLDERS = (("/etc/profile.d", ".sh"), ("/etc/environment.d", ".conf"))
_ASSIGNMENT = re.compile(r"""(?:^|[\s;])(?:export\s+)?([A-Za-z_]\w*)=("[^"]*"|'[^']*'|[^\s;&|#]*)""")
_PAM_ENV = re.compile(r"^\s*([A-Za-z_]\w*)\s+(?:\S+\s+)*?(?:DEFAULT|OVERRIDE)=(\S+)", re.MULTILINE)
_OPTIONAL = re.compile(r"\$\{\w+:?[-+=?](?:[^{}]|\$\{\w+\})*\}")
_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")


def look(root="/"):
    """Return `file`, `name` and `value` of each assignment below `root`, in the order in which a login reads them."""
    files = list(_FILES)
    for folder, suffix in _FOLDERS:
        files += [f"{folder}/{name}" for name in names(root, folder) if name.endswith(suffix)]
    return [
        {"file": file, "name": name, "value": value}
        for file in files
        for name, value in parse(read_text(root, file, 1024 * 1024), file.endswith("pam_env.conf"))
    ]


def parse(text, is_pam_env=False):
    """Return (name, value) of the assignments in the text of such a file, in its order."""
    if is_pam_env:
        return [(name, value.strip("\"'")) for name, value in _PAM_ENV.findall(text)]
    found, values = [], {}
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            continue
        for name, value in _ASSIGNMENT.findall(line):
            # In a fresh login it has no value yet.
            values[name] = _expand(value.strip("\"'"), {name: "", **values})
            found.append((name, values[name]))
    return found


def _expand(value, values):
    """The value with what the file itself has set before; of others nobody knows here what they are."""
    value = _OPTIONAL.sub("", value)
    return _VARIABLE.sub(lambda match: values.get(match.group(1) or match.group(2), match.group(0)), value)


def folders(variables, name="LD_LIBRARY_PATH"):
    """Return `file` and `folders` (absolute ones, each once) for each file that sets a path. variables: of look."""
    found = {}
    for variable in variables:
        if variable["name"] == name:
            wanted = found.setdefault(variable["file"], [])
            parts = [part.rstrip("/") for part in variable["value"].split(":") if part.startswith("/")]
            wanted += [part for part in parts if part not in wanted and "$" not in part]
    return [{"file": file, "folders": wanted} for file, wanted in found.items() if wanted]
