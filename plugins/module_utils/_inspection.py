# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a generation is now: its distributions, and what of them is damaged."""

from __future__ import annotations

from ._dists import installed_versions, site_packages
from ._integrity import find_damage

#: Names what is no distribution's: the environment's own files, or its records.
ITSELF = ""


def inspect(path, integrity):
    """Return ({name: version}, {name: damage}) of the generation at path. integrity: none, size or hash."""
    try:
        return installed_versions(site_packages(path)), find_damage(path, integrity)
    except (ValueError, OSError) as error:
        # Its own records are gone: all of it is built anew.
        return {}, {ITSELF: str(error)}
