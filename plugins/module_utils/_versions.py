# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ordering of versions (PEP 440), for the words "upgrade" and "downgrade" in a plan.

The host has no `packaging`; nothing but those two words depends on this order.
"""

from __future__ import annotations

import re

_VERSION = re.compile(
    r"""\s*v?(?:(?P<epoch>\d+)!)?(?P<release>\d+(?:\.\d+)*)
    (?:[-_.]?(?P<pre>alpha|a|beta|b|preview|pre|c|rc)[-_.]?(?P<pre_n>\d*))?
    (?P<post>-(?P<post_n1>\d+)|[-_.]?(?:post|rev|r)[-_.]?(?P<post_n2>\d*))?
    (?P<dev>[-_.]?dev[-_.]?(?P<dev_n>\d*))?
    (?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?\s*$""",
    re.VERBOSE | re.IGNORECASE,
)
_PRE = {"a": 0, "alpha": 0, "b": 1, "beta": 1, "c": 2, "rc": 2, "pre": 2, "preview": 2}
# A development release comes before its pre-releases, a pre-release before the release, a post-release after it.
_FIRST, _LAST = (-1, 0), (9, 0)


def version_key(text):
    """Return a key that sorts as PEP 440 does. A text that is no version sorts before all that are."""
    found = _VERSION.match(text)
    if not found:
        return ((-1,), (), _FIRST, _FIRST, _FIRST, (), text)
    release = [int(part) for part in found.group("release").split(".")]
    while release and release[-1] == 0:
        release.pop()
    pre, post, dev = found.group("pre"), found.group("post"), found.group("dev")
    if pre:
        pre_key = (_PRE[pre.lower()], int(found.group("pre_n") or 0))
    elif dev and not post:
        pre_key = _FIRST
    else:
        pre_key = _LAST
    post_key = (1, int(found.group("post_n1") or found.group("post_n2") or 0)) if post else _FIRST
    dev_key = (1, int(found.group("dev_n") or 0)) if dev else _LAST
    local = tuple(
        (1, int(part), "") if part.isdigit() else (0, 0, part.lower())
        for part in re.split(r"[-_.]", found.group("local") or "")
        if part
    )
    return ((int(found.group("epoch") or 0),), tuple(release), pre_key, post_key, dev_key, local, "")
