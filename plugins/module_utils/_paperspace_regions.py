# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paperspace's regions in their two spellings: `ny2`, and `East Coast (NY2)`. Pure; no Ansible import.

The reference of the v1 API says `ny2`, `ca1`, `ams1`; its own examples, templates and older documents have the other.
"""

from __future__ import annotations

import re

from ._paperspace_errors import PaperspaceError

_SHORT = re.compile(r"[A-Za-z]{2,4}[0-9]{1,2}")
_LONG = re.compile(r"[^()]*\(\s*([A-Za-z]{2,4}[0-9]{1,2})\s*\)\s*")


def short(region):
    """Return a region's (str or None) short name in small letters, `ny2`.

    '' for None or ''. A text in neither spelling comes back in small letters, so that it can still be compared.
    """
    text = (region or "").strip()
    found = _LONG.fullmatch(text)
    return (found.group(1) if found else text).lower()


def same(one, other):
    """Tell whether two spellings name one region."""
    return short(one) == short(other)


def check(region):
    """Return the short name. PaperspaceError for a text in neither spelling."""
    name = short(region)
    if not _SHORT.fullmatch(name):
        raise PaperspaceError(f"{region!r} is no region: write it as ny2, or as 'East Coast (NY2)'.")
    return name
