# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which toolkit /usr/local/cuda leads to, and that the dynamic linker finds its libraries. No Ansible import.

NVIDIA's packages cuda-toolkit-X-Y-config-common make both (update-alternatives(1), files in /etc/ld.so.conf.d); only
what they left out is done here, and a note says what that was, so that it can be taken back.
"""

from __future__ import annotations

import re

LINK = "/usr/local/cuda"
NAME = "cuda"
CONF = "/etc/ld.so.conf.d/mlinabox-cuda.conf"
#: Within a toolkit's folder; NVIDIA's layout since 5.5.
LIBRARIES = "targets/x86_64-linux/lib"
EMPTY_NOTE = {"installed": [], "before": {}, "conf": False}


def folder(series):
    """Return the folder of a toolkit's series ('11.7')."""
    return f"{LINK}-{series}"


def priority(series):
    """Return the priority of an alternative as NVIDIA's packages number them: 117 for 11.7."""
    major, minor = series.split(".")
    return int(major) * 10 + int(minor)


def parse_query(text):
    """Return {status, value, entries: {path: priority}} of `update-alternatives --query`; {} where there is none."""
    fields = re.findall(r"^(Status|Value|Alternative|Priority): (.*)$", text, re.MULTILINE)
    if not fields:
        return {}
    found = {"status": "", "value": "", "entries": {}}
    path = ""
    for name, value in fields:
        if name == "Alternative":
            path = value
        elif name == "Priority":
            found["entries"][path] = int(value)
        else:
            found[name.lower()] = value
    return found


def plan(wanted, seen, note, brought):
    """Return (steps, note): what makes /usr/local/cuda lead to the first of `wanted`, and the note of what is ours.

    wanted: series ('11.7'), the first one is the common one. seen: `alternatives` (of parse_query), `folders` (series
    that are there), `uncovered` (series whose libraries the linker is not told of by others), `conf` (the text of our
    own file or ''). brought: whether the packages make the alternatives, and tell the linker, themselves. A step is a
    dict with `do` and what that needs.
    """
    note = {**EMPTY_NOTE, **note}
    steps, entries = [], dict(seen["alternatives"].get("entries", {}))
    for series in wanted:
        if folder(series) in entries:
            continue
        entries[folder(series)] = priority(series)
        # In check mode, what the packages will do themselves.
        if series in seen["folders"] or not brought:
            steps.append({"do": "install", "path": folder(series), "priority": priority(series)})
            note["installed"] = sorted({*note["installed"], folder(series)})
    value, status = seen["alternatives"].get("value", ""), seen["alternatives"].get("status", "auto")
    if status == "auto":
        value = max(entries, key=lambda path: entries[path])
    if value != folder(wanted[0]):
        steps.append({"do": "set", "path": folder(wanted[0])})
        if not note["before"]:
            note["before"] = {"status": status, "value": value}
    uncovered = {*seen["uncovered"], *(() if brought else set(wanted) - set(seen["folders"]))}
    conf = _conf(wanted, uncovered)
    if conf != seen["conf"]:
        steps.append({"do": "write", "text": conf} if conf else {"do": "unlink"})
    note["conf"] = bool(conf)
    return steps, note


def _conf(wanted, uncovered):
    """Return the text of our file for the linker: of each major release, only the first is found without being told."""
    found, majors = [], set()
    for series in wanted:
        major = series.split(".")[0]
        if major not in majors and series in uncovered:
            found.append(f"{folder(series)}/{LIBRARIES}\n")
        majors.add(major)
    return "".join(found)


def plan_back(seen, note):
    """Return the steps that take back what `note` says."""
    note = {**EMPTY_NOTE, **note}
    alternatives, steps = seen["alternatives"], []
    entries, before = alternatives.get("entries", {}), note["before"]
    if before and alternatives.get("status") == "manual":
        if before["status"] == "manual" and before["value"] in entries:
            steps.append({"do": "set", "path": before["value"]})
        else:
            steps.append({"do": "auto"})
    steps += [{"do": "remove", "path": path} for path in note["installed"] if path in entries]
    if note["conf"] and seen["conf"]:
        steps.append({"do": "unlink"})
    return steps


def describe(step):
    """Return the line that check mode prints for a step."""
    return {
        "install": "would add {path} to the alternatives of /usr/local/cuda",
        "set": "would lead /usr/local/cuda to {path}",
        "auto": "would let the alternatives decide where /usr/local/cuda leads",
        "remove": "would take {path} from the alternatives of /usr/local/cuda",
        "write": "would name CUDA's libraries to the dynamic linker in " + CONF,
        "unlink": "would remove " + CONF,
    }[step["do"]].format(**step)


def command(step):
    """Return the arguments of update-alternatives for a step, or None for one of the linker's."""
    return {
        "install": lambda: ["--install", LINK, NAME, step["path"], str(step["priority"])],
        "set": lambda: ["--set", NAME, step["path"]],
        "auto": lambda: ["--auto", NAME],
        "remove": lambda: ["--remove", NAME, step["path"]],
    }.get(step["do"], lambda: None)()
