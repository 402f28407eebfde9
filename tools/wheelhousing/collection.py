# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's own code that the controller shares with it: how locks are read, and what a host can install."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# A checkout is no installed package, so its folder goes by its name.
if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))

from plugins.module_utils._gpu_targets import parse as parse_architecture  # noqa: E402 - found by the path above
from plugins.module_utils._indexes import shown  # noqa: E402 - found by the path above
from plugins.module_utils._pins import Pin  # noqa: E402 - found by the path above
from plugins.plugin_utils._host_tags import host_tags  # noqa: E402 - found by the path above
from plugins.plugin_utils._lock_file import Host, LockFileError, marker_environment  # noqa: E402 - found by the path above
from plugins.plugin_utils._locks import parse_lock, read_lock  # noqa: E402 - found by the path above

__all__ = [
    "ROOT",
    "Host",
    "LockFileError",
    "Pin",
    "host_tags",
    "marker_environment",
    "parse_architecture",
    "parse_lock",
    "read_lock",
    "shown",
]
