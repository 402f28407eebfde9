# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What apt-get says, read: its simulation as a plan, its errors as one line with a cure. No Ansible import.

Output of apt 2.2 (Debian 11) to 3.0 (Debian 13) under LC_ALL=C, recorded in the unit tests.
"""

from __future__ import annotations

import difflib
import re

_INST = re.compile(r"^Inst (\S+?)(?::\S+)?(?: \[([^\]]*)\])? \((\S+)(?: ([^\[)].*?))?(?: \[[^\]]*\])?\)", re.MULTILINE)
_REMV = re.compile(r"^Remv (\S+)", re.MULTILINE)
_ERROR = re.compile(r"^E: (.*)$", re.MULTILINE)
_FETCH = re.compile(r"^[EW]: Failed to fetch (\S+)\s+(.*)$", re.MULTILINE)
_UNKNOWN = re.compile(r"^Unable to locate package (\S+)|^Couldn't find any package by (?:glob|regex) '(.+)'")
_NO_CANDIDATE = re.compile(r"^Package '(.+)' has no installation candidate")
_NO_VERSION = re.compile(r"^Version '(.+)' for '(.+)' was not found")
_VIRTUAL = re.compile(r"^Package (\S+) is a virtual package provided by:\n((?:  \S.*\n)+)", re.MULTILINE)
_BROKEN = re.compile(r"^ (\S+ : .*|\s+(?:Pre)?Depends: .*)$", re.MULTILINE)


def parse_simulation(text):
    """Return (installs, removals) of the output of `apt-get -s`.

    installs: dicts with `name`, `version`, `source` (such as 'Debian:12.11/oldstable') and `old`, the installed version
    that would be replaced, or ''. removals: names.
    """
    installs = [
        {"name": name, "version": version, "source": source or "an unnamed source", "old": old}
        for name, old, version, source in _INST.findall(text)
    ]
    return installs, _REMV.findall(text)


def install_line(package):
    """Return the line that check mode prints for one package of parse_simulation."""
    verb = "would replace {old} by" if package["old"] else "would install"
    return (verb + " {name}={version} from {source}").format(**package)


def fetch_failures(text):
    """Return one 'address: reason' for each source that `apt-get update` could not fetch."""
    failures = []
    for address, reason in _FETCH.findall(text):
        line = f"{address}: {reason}"
        if line not in failures:
            failures.append(line)
    return failures


def errors(text):
    """Return the texts of apt's error lines."""
    return _ERROR.findall(text)


def unknown_names(text):
    """Return the names that apt-get does not know or has no candidate for."""
    names = []
    for error in errors(text):
        match = _UNKNOWN.match(error) or _NO_CANDIDATE.match(error)
        if match:
            name = next(group for group in match.groups() if group)
            if name not in names:
                names.append(name)
    return names


def unknown_versions(text):
    """Return the (name, version) pairs that apt-get does not have."""
    found = [_NO_VERSION.match(error) for error in errors(text)]
    return [(match.group(2), match.group(1)) for match in found if match]


def explain(text, release, known, versions):
    """Return one line for a simulation that failed.

    text: apt-get's output; release: the host's, such as 'Debian 12'; known: all names that apt knows; versions: {name:
    [those that apt has]}.
    """
    said = []
    virtual = {name: [line.split()[0] for line in lines.splitlines()] for name, lines in _VIRTUAL.findall(text)}
    for name in unknown_names(text):
        if name in virtual:
            said.append(f"{name} is a virtual package, name one that provides it: {', '.join(virtual[name])}")
            continue
        close = difflib.get_close_matches(name, known, 1, 0.75)
        hint = f" (did you mean {close[0]}?)" if close else ""
        said.append(f"{name} is in no apt source of this {release}{hint}")
    for name, version in unknown_versions(text):
        have = ", ".join(versions.get(name, [])) or "none"
        said.append(f"{name} has no version {version} in the apt sources of this {release}; there are: {have}")
    if said:
        return "; ".join(said) + "."
    broken = " ".join(" ".join(line.split()) for line in _BROKEN.findall(text))
    detail = " ".join(errors(text)) or "apt-get failed without a word."
    return f"apt-get says: {detail}" + (f" ({broken})" if broken else "")


def parse_madison(text):
    """Return the versions of `apt-cache madison`, each once, in its order (the newest first)."""
    versions = []
    for line in text.splitlines():
        columns = [column.strip() for column in line.split("|")]
        if len(columns) == 3 and columns[1] not in versions:
            versions.append(columns[1])
    return versions
