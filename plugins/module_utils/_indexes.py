# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packages that come from an index of their own are installed apart, with that index alone.

uv asks all the indexes that it is given for every package. With one call for each index no package can come from
another's, so nobody gets in by putting a package of the same name on the more public one.
"""

from __future__ import annotations

import os
import re

from ._pins import requirements_text

_USER = re.compile(r"(?<=://)[^/\s]*@")


def shown(text):
    """Return a text with its addresses less the users and passwords in them: messages are kept in logs."""
    return _USER.sub("", text)


def by_index(pins):
    """Return {address: pins}, the default index ('') first, then by address. What has an address needs no index."""
    groups = {}
    for pin in pins:
        groups.setdefault("" if pin.url else pin.index, []).append(pin)
    return {index: groups[index] for index in sorted(groups)}


def install(uv, directory, lock, pins):
    """Install pins into the fresh environment at directory. Raises BuildError.

    uv: Uv; lock: the file that lists all of the pins.
    """
    groups = by_index(pins)
    if set(groups) == {""}:
        uv.sync(directory, lock)
        return
    part = f"{lock}.part"
    try:
        for index, group in groups.items():
            with open(part, "w", encoding="utf-8") as stream:
                stream.write(requirements_text(group))
            uv.add(directory, part, index)
    finally:
        if os.path.exists(part):
            os.unlink(part)
