# Copyright: (c) 2026, the ML in a Box contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the end of a process says: its status, and of its stderr the one line that tells why."""

from __future__ import annotations

import os
import re
import signal

_LONGEST_MESSAGE = 300  # characters


def exit_code(status):
    """As subprocess tells it: the status, or minus the signal. (os.waitstatus_to_exitcode is 3.9's.)"""
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def problem(code, errors):
    """What is wrong, empty where nothing is. code: as exit_code gives it; errors: the file that has its stderr."""
    if code == 0:
        return ""
    line = error_line(_tail(errors))
    if code > 0:
        return line or f"ended with status {code}, without a word"
    if -code == signal.SIGKILL:
        return "killed (out of memory?)"
    return f"killed by {_signal_name(-code)}" + (f": {line}" if line else "")


def error_line(text: str) -> str:
    """The one line of a program's stderr that says what went wrong: the exception of the last traceback, else the last
    line that is not empty. Exceptions of several lines (protobuf's, for one) say it in their first."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    for start in range(len(lines) - 1, -1, -1):
        if lines[start].startswith("Traceback (most recent call last)"):
            after = lines[start + 1 :]
            for number, line in enumerate(after):
                if line.startswith(" "):
                    continue
                if line.endswith(":"):  # CuPy's message begins with an empty line and a ruler
                    line += " " + next((more for more in after[number + 1 :] if re.search(r"\w", more)), "")
                return _shorten(line)
            break
    return _shorten(lines[-1]) if lines else ""


def _shorten(line):
    line = " ".join(line.split())
    return line if len(line) <= _LONGEST_MESSAGE else line[: _LONGEST_MESSAGE - 3] + "..."


def _tail(path, size=64 * 1024):
    with open(path, "rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - size))
        return file.read().decode("utf-8", "replace")


def _signal_name(number):
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
