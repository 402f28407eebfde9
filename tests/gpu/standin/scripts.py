# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs as scripts of the POSIX shell: they say and end as told, whatever machine they come to."""

from __future__ import annotations

import shlex

HANG = "trap '' TERM INT HUP\nexec sleep 86400\n"


def script(body):
    """Return a program."""
    return f"#!/bin/sh\n{body}"


def say(text, error="", code=0):
    """Return the shell's words for printing texts and ending with a code."""
    lines = [f"printf %s {shlex.quote(text)}"] if text else []
    lines += [f"printf %s {shlex.quote(error)} >&2"] if error else []
    return "\n".join([*lines, f"exit {code}"]) + "\n"


def answer(row):
    """Return the shell's words for a scenario's row: exit, stdout, stderr, hang."""
    return HANG if row.get("hang") else say(row.get("stdout", ""), row.get("stderr", ""), row.get("exit", 0))


def program(spec):
    """Return a program that a scenario tells of: a row of answer(), or rows.

    Of rows the first counts whose `args`, a pattern of the shell's, fits all arguments together.
    """
    if isinstance(spec, dict):
        return script(answer(spec))
    cases = "".join(f"{_pattern(row['args'])})\n{answer(row)};;\n" for row in spec if "args" in row)
    rest = [answer(row) for row in spec if "args" not in row]
    return script(f'case "$*" in\n{cases}esac\n{rest[0] if rest else say("", "", 1)}')


def _pattern(args):
    """A pattern in which all but * stands for itself."""
    return "*".join(shlex.quote(part) if part else "" for part in args.split("*")) or "''"
