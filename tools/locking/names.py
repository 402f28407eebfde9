# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all parts share: the one error, and names as indexes compare them."""

from __future__ import annotations

import re


class LockError(Exception):
    """What stops a lock from being made, as one line that names the cause and the cure."""


def normalized(name: str) -> str:
    """Return a distribution's name as indexes compare them (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
