# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read a lock of either kind, by its name."""

from __future__ import annotations

from ._lock_file import Lock, read_text
from ._pylock import is_pylock, parse_pylock
from ._requirements import parse_requirements


def read_lock(path: str) -> Lock:
    """Read and validate a lock: a pylock.toml by its name, any other file as requirements. Raises LockFileError."""
    return parse_lock(read_text(path), path)


def parse_lock(text: str, path: str) -> Lock:
    """Parse a lock's text; path decides the kind and is for messages. Raises LockFileError."""
    return parse_pylock(text, path) if is_pylock(path) else parse_requirements(text, path)
