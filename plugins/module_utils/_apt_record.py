# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each owner (a role) asked of apt and what came of it: /var/lib/mlinabox/apt/<owner>.json. No Ansible import.

A record: {"requested": [specs], "installed": {name: version}, "sources": [names], "held": [names]}. `installed` and
`held` have only what was not there, or not held, before: taking back never takes what somebody else brought.
"""

from __future__ import annotations

import json
import os

FOLDER = "/var/lib/mlinabox/apt"


def read_records(folder=FOLDER):
    """Return {owner: record} of all owners. ValueError names a file that is not what this wrote."""
    records = {}
    if os.path.isdir(folder):
        for entry in sorted(os.listdir(folder)):
            if entry.endswith(".json"):
                records[entry[: -len(".json")]] = _read(os.path.join(folder, entry))
    return records


def _read(path):
    try:
        with open(path, encoding="utf-8") as stream:
            record = json.load(stream)
        return {
            "requested": list(record["requested"]),
            "installed": dict(record["installed"]),
            "sources": list(record["sources"]),
            "held": list(record.get("held", [])),
        }
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error}); remove it to forget what its owner brought") from error


_EMPTY = {"requested": [], "installed": {}, "sources": [], "held": []}


def grown(record, requested, installs, sources, held=()):
    """Return the record after `installs` (of parse_simulation) for `requested` (specs) from `sources` (names).

    held: the names that were newly held.
    """
    before = record or _EMPTY
    new = {
        package["name"]: package["version"]
        for package in installs
        if not package["old"] or package["name"] in before["installed"]
    }
    # Another version of a package takes the place of the one that was asked for before.
    asked = {_name(spec) for spec in requested}
    earlier = [spec for spec in before["requested"] if _name(spec) not in asked]
    return {
        "requested": sorted({*earlier, *requested}),
        "installed": dict(sorted({**before["installed"], **new}.items())),
        "sources": sorted(set(before["sources"]) | set(sources)),
        "held": sorted(set(before["held"]) | set(held)),
    }


def _name(spec):
    return spec.split("=")[0].split(":")[0]


def nobody_elses(owner, records):
    """Return (names, sources) recorded for `owner` that no other owner asked for by name."""
    mine = records.get(owner, _EMPTY)
    others = [record for other, record in records.items() if other != owner]
    asked = {_name(spec) for record in others for spec in record["requested"]}
    used = {source for record in others for source in record["sources"]}
    return (
        [name for name in mine["installed"] if name not in asked],
        [source for source in mine["sources"] if source not in used],
    )


def inherited(owner, kept, records):
    """Return {other owner: record} of the records that change when `owner` goes and the packages `kept` stay.

    The first of the others takes them over, so that they go with the last one.
    """
    others = [other for other in records if other != owner]
    if not kept or not others:
        return {}
    heir = records[others[0]]
    mine = {name: version for name, version in records[owner]["installed"].items() if name in kept}
    return {others[0]: {**heir, "installed": dict(sorted({**heir["installed"], **mine}.items()))}}
