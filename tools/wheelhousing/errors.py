# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error of all parts."""

from __future__ import annotations


class WheelhouseError(Exception):
    """What stops a wheelhouse from being made, as one line that names the cause and the cure."""
