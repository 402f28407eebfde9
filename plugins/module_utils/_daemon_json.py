# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Docker engine's daemon.json: settings merged into it, and taken out of it again. No Ansible import.

What is there is others'. An object takes our keys among its own, a list our items among its own, anything else is
replaced. What was ours goes again by a comparison of three: the file before, the file as we wrote it, the file now.
"""

from __future__ import annotations

import copy

from ._json_text import same

NOTHING, RELOAD, RESTART = "nothing", "reload", "restart"

#: Lists whose items are NAME=VALUE, of which the engine wants one for each name.
_NAMED = ("exec-opts", "storage-opts")
#: What the engine takes on from a changed file while it runs (SIGHUP): moby/moby, daemon/reload.go and reload_unix.go,
#: of 20.10 to 28.5. `features` is among them there, but CDI is set up at the start alone (cmd/dockerd/daemon.go).
_RELOADED = (
    "allow-nondistributable-artifacts",
    "debug",
    "default-runtime",
    "insecure-registries",
    "labels",
    "live-restore",
    "max-concurrent-downloads",
    "max-concurrent-uploads",
    "max-download-attempts",
    "registry-mirrors",
    "runtimes",
    "shutdown-timeout",
)


def merged(current, settings):
    """Return the object `current` with the object `settings` in it; neither is changed."""
    return _merged(current, settings, "")


def _merged(current, settings, name):
    if isinstance(current, dict) and isinstance(settings, dict):
        result = copy.deepcopy(current)
        for key, value in settings.items():
            result[key] = _merged(result[key], value, key) if key in result else copy.deepcopy(value)
        return result
    if isinstance(current, list) and isinstance(settings, list):
        return _merged_list(current, settings, name)
    return copy.deepcopy(settings)


def _merged_list(current, settings, name):
    result = copy.deepcopy(current)
    for item in settings:
        if _has(result, item):
            continue
        rivals = [at for at, other in enumerate(result) if _rival(other, item, name)]
        if rivals:
            result[rivals[0]] = copy.deepcopy(item)
            result = [other for at, other in enumerate(result) if at not in rivals[1:]]
        else:
            result.append(copy.deepcopy(item))
    return result


def _has(items, item):
    return any(same(item, other) for other in items)


def _rival(one, other, name):
    """Tell whether two items of the list `name` give one name two values."""
    if name not in _NAMED or not (isinstance(one, str) and isinstance(other, str)):
        return False
    return "=" in one and one.partition("=")[0] == other.partition("=")[0]


def with_suggestions(current, suggestions, settings=None):
    """Return `current` with those objects of the list `suggestions` in it of which it has no key at all.

    A suggestion is a whole: half of it beside a half of somebody else's may be what the engine refuses. One of which
    `settings` has a key is passed by.
    """
    result = copy.deepcopy(current)
    for suggestion in suggestions:
        if not any(key in current or key in (settings or {}) for key in suggestion):
            result.update(copy.deepcopy(suggestion))
    return result


def taken_back(original, written, current):
    """Return (object, left): `current` without what made `written` out of `original`.

    What somebody changed since stays as it is; `left` names it, as 'runtimes.nvidia.path'.
    """
    left = []
    return _taken_back(original, written, current, (), left), left


def _taken_back(original, written, current, path, left):
    if same(current, written):
        return copy.deepcopy(original)
    if same(original, written):
        return copy.deepcopy(current)
    if all(isinstance(value, dict) for value in (original, written, current)):
        return _object_back(original, written, current, path, left)
    if all(isinstance(value, list) for value in (original, written, current)):
        return _list_back(original, written, current)
    left.append(".".join(path))
    return copy.deepcopy(current)


def _object_back(original, written, current, path, left):
    result = {}
    for key, value in current.items():
        if key not in written:
            result[key] = copy.deepcopy(value)
        elif key in original:
            result[key] = _taken_back(original[key], written[key], value, (*path, key), left)
        elif same(value, written[key]):
            continue
        elif isinstance(value, (dict, list)) and type(value) is type(written[key]):
            # We brought the object or the list: it goes with its last entry.
            rest = _taken_back(type(value)(), written[key], value, (*path, key), left)
            if rest:
                result[key] = rest
        else:
            left.append(".".join((*path, key)))
            result[key] = copy.deepcopy(value)
    return result


def _list_back(original, written, current):
    """Items of a list are there or not: nobody can have changed one of ours."""
    added = [item for item in written if not _has(original, item)]
    replaced = [item for item in original if not _has(written, item)]
    result = [copy.deepcopy(item) for item in current if not _has(added, item)]
    return result + [copy.deepcopy(item) for item in replaced if not _has(result, item)]


def needed(before, after):
    """Return what a running engine needs to go from one file to another: NOTHING, RELOAD or RESTART.

    What is taken out of the file needs a restart: a reload leaves it as it is.
    """
    changed = [key for key in after if key not in before or not same(before[key], after[key])]
    gone = [key for key in before if key not in after]
    if not changed and not gone:
        return NOTHING
    return RESTART if gone or any(key not in _RELOADED for key in changed) else RELOAD
