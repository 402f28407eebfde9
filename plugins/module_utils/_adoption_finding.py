# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One trace that an older installation left on a host, and what is done about it. No Ansible import."""

from __future__ import annotations

import dataclasses

#: What moving aside does: `move` the paths, `relink` the path to `target`, `strip` the lines from the path, take the
#: keys out of the keyring at the path (`unkey`), or nothing.
MOVE, RELINK, STRIP, UNKEY, NOTHING = "move", "relink", "strip", "unkey", ""


@dataclasses.dataclass
class Finding:
    """One trace. `path` names it; `paths` are all that is moved (absolute, as seen on the host)."""

    code: str
    path: str
    what: str
    why: str
    cure: str
    in_the_way: bool
    action: str = MOVE
    paths: list = dataclasses.field(default_factory=list)
    lines: list = dataclasses.field(default_factory=list)
    keys: list = dataclasses.field(default_factory=list)
    target: str = ""

    def as_dict(self):
        """The finding as Ansible returns it."""
        return dataclasses.asdict(self)
