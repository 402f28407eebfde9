# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""apt's configuration, read as files: apt.conf(5). No program is started, no Ansible import.

Names are not case-sensitive; `A { B "c"; };` and `A::B "c";` are the same, and what stands in a block without a name,
or after `A::`, is an element of a list, to which each file adds. #include is not followed.
"""

from __future__ import annotations

import re

from ._gpu_root import names, read_text

_FOLDER = "/etc/apt/apt.conf.d"
_FILE = "/etc/apt/apt.conf"
# In a folder of parts: no extension, or .conf, and no other characters (apt.conf(5)).
_PART = re.compile(r"[A-Za-z0-9_-]+(?:\.conf)?")
_TOKEN = re.compile(
    r'"((?:[^"\\]|\\.)*)"|//[^\n]*|/\*.*?\*/|^[ \t]*#(?!clear\b|include\b)[^\n]*|([{};])|([^\s{};"]+)',
    re.DOTALL | re.MULTILINE,
)


class AptConf:
    """Values by name, and lists by name."""

    def __init__(self):
        self._values = {}
        self._lists = {}

    def value(self, name):
        """Return the value of a name such as APT::Periodic::Enable, '' where it has none."""
        return self._values.get(name.lower(), "")

    def elements(self, name):
        """Return the elements of a list, in the order of the files."""
        return list(self._lists.get(name.lower(), []))

    def add(self, text):
        """Take in the text of one more file."""
        scopes, words = [], []
        for match in _TOKEN.finditer(text):
            quoted, mark, word = match.groups()
            if quoted is not None:
                words.append((quoted, True))
            elif word is not None:
                words.append((word, False))
            elif mark == "{":
                scopes.append(words[0][0].strip(":") if words else "")
                words = []
            elif mark:
                self._statement(scopes, words)
                words = []
                if mark == "}" and scopes:
                    scopes.pop()

    def _statement(self, scopes, words):
        if not words:
            return
        scope = "::".join(part for part in scopes if part).lower()
        (first, quoted), rest = words[0], words[1:]
        if first.lower() == "#clear":
            self._clear([name for name, _quoted in rest])
        elif quoted and not rest:
            self._lists.setdefault(scope, []).append(first)
        elif rest:
            name = f"{scope}::{first}".lower() if scope else first.lower()
            if name.endswith("::"):
                self._lists.setdefault(name[:-2], []).append(rest[0][0])
            else:
                self._values[name] = rest[0][0]

    def _clear(self, cleared):
        for name in cleared:
            name = name.lower().rstrip(":")
            for table in (self._values, self._lists):
                for key in [key for key in table if key == name or key.startswith(name + "::")]:
                    del table[key]


def read_apt_conf(root="/"):
    """Return the AptConf of the host below `root`: the parts in their order, then the one file."""
    found = AptConf()
    for name in names(root, _FOLDER):
        if _PART.fullmatch(name):
            found.add(read_text(root, f"{_FOLDER}/{name}"))
    found.add(read_text(root, _FILE))
    return found
