# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run of pip_lock is asked for, and how it says that it cannot be done."""

from __future__ import annotations

from dataclasses import dataclass, field


class PipLockError(Exception):
    """It cannot be done. The message is one line: what, where, why, how to mend. `details`: data for the result."""

    def __init__(self, message, **details):
        super().__init__(message)
        self.details = details


@dataclass
class Request:
    """What is asked for. Paths are absolute and of this host; times in seconds, sizes in MiB."""

    root: str
    name: str
    uv: str
    python: str = ""
    python_version: str = ""
    platform: str = ""  # what the lock's first line says it is for, such as linux-x86_64
    pins: list = field(default_factory=list)
    build_constraints: str = ""  # the text, not a path
    built_from_source: list = field(default_factory=list)
    checks: list = field(default_factory=list)
    waivers: list = field(default_factory=list)
    integrity: str = "size"
    commands: list = field(default_factory=list)
    launchers: str = ""  # the directory for the commands' launchers
    keep: int = 3
    space: int = 0
    compile_bytecode: bool = True
    lock_timeout: int = 600
    smoke_user: str = "nobody"
    index: str = ""
    wheelhouse: str = ""  # the directory that takes the place of every index
