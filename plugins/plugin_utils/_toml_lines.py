# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where things stand in a TOML file: the standard library's reader keeps no line numbers."""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"""\#[^\n]*|\"{3}(?:\\.|[^\\])*?\"{3}|'{3}.*?'{3}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'""", re.DOTALL | re.VERBOSE
)


class TomlLines:
    """Line numbers (int, from 1) of a TOML text's tables and keys. What is not found stands in line 1."""

    def __init__(self, text: str):
        """text: valid TOML."""

        def blank(token):
            # A text of several lines, or a comment, may hold what looks like a table.
            said = token.group()
            return "\n" * said.count("\n") if said.startswith(("#", '"""', "'''")) else said

        self.lines = _TOKEN.sub(blank, text).splitlines()

    def key(self, name: str) -> int:
        """Return the line of a key of the whole file, before its first table."""
        for number, line in enumerate(self.lines, 1):
            if line.lstrip().startswith("["):
                break
            if re.match(rf"""\s*["']?{re.escape(name)}["']?\s*=""", line):
                return number
        return 1

    def tables(self, array: str, names: list[str]) -> list[int]:
        """Return the line of each table of an array of tables, whose keys `name` are `names` (list of str)."""
        header = re.compile(rf"""\s*\[\[\s*["']?{re.escape(array)}["']?\s*\]\]""")
        found = [number for number, line in enumerate(self.lines, 1) if header.match(line)]
        if len(found) == len(names):
            return found
        # Written inline, `packages = [{name = "six", ...}, ...]`: then the line that names it.
        used: set[tuple] = set()
        return [self._inline(name, used) for name in names]

    def _inline(self, name: str, used: set[tuple]) -> int:
        wanted = re.compile(rf"""["']?name["']?\s*=\s*["']{re.escape(name)}["']""")
        for number, line in enumerate(self.lines, 1):
            if (name, number) not in used and wanted.search(line):
                used.add((name, number))
                return number
        return 1


def error_line(error: Exception, text: str) -> int:
    """Return the line (int) that a TOMLDecodeError is about."""
    # `lineno` came with Python 3.14; before, the message alone says it.
    found = re.search(r"\(at line (\d+), column \d+\)", str(error))
    return getattr(error, "lineno", 0) or (int(found.group(1)) if found else max(1, len(text.splitlines())))
