# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private networks at Paperspace, by name. No Ansible import."""

from __future__ import annotations

from ._paperspace_errors import PaperspaceError, one_line
from ._paperspace_machines import called
from ._paperspace_regions import same, short


def network_id(api, name, region):
    """Return the id of a region's private network (str) by its name. PaperspaceError says which there are."""
    here = [one for one in api.all("private-networks") if same(one.get("region"), region)]
    found = called(here, name, "network", "network_id")
    if found:
        return found["id"]
    names = ", ".join(sorted(repr(one.get("name")) for one in here))
    raise PaperspaceError(f"no network {name!r} is in {short(region)}; there are: {one_line(names) or 'none'}.")
