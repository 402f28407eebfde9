# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What dpkg has installed, and what of it could go again. Reads dpkg's status file; no Ansible import.

The format is deb-control(5); `Status` has three words of which the last two must be `ok installed`.
"""

from __future__ import annotations

import fnmatch
import re

STATUS_FILE = "/var/lib/dpkg/status"
_FIELD = re.compile(
    r"^(Package|Status|Version|Architecture|Essential|Protected|Priority|Depends|Pre-Depends|Provides): ?(.*)$",
    re.MULTILINE,
)
_SPEC = re.compile(r"([a-z0-9][a-z0-9+.-]*)(?::([a-z0-9-]+))?(?:=(\S+))?\Z")


class Package:
    """One installed package: name, version, architecture, what it needs and provides, if it is held or must stay."""

    def __init__(self, fields):
        self.name = fields["Package"]
        self.version = fields.get("Version", "")
        self.architecture = fields.get("Architecture", "")
        self.held = fields.get("Status", "").startswith("hold ")
        self.must_stay = (
            fields.get("Essential") == "yes" or fields.get("Protected") == "yes" or fields.get("Priority") == "required"
        )
        self.needs = parse_relation(fields.get("Pre-Depends", "")) + parse_relation(fields.get("Depends", ""))
        self.provides = [group[0] for group in parse_relation(fields.get("Provides", ""))]


def parse_relation(text):
    """Return the groups of alternatives of a Depends line as lists of names, without versions and architectures."""
    groups = []
    for group in text.split(","):
        names = [re.split(r"[\s(:\[]", alternative.strip(), maxsplit=1)[0] for alternative in group.split("|")]
        if any(names):
            groups.append([name for name in names if name])
    return groups


def parse_status(text):
    """Return {name: Package} of what is installed according to the text of a status file."""
    installed = {}
    for paragraph in text.split("\n\n"):
        # A paragraph has over a kilobyte, most of it of no interest here.
        fields = dict(_FIELD.findall(paragraph))
        if fields.get("Status", "").endswith(" ok installed") and "Package" in fields:
            installed[fields["Package"]] = Package(fields)
    return installed


def read_status(path=STATUS_FILE):
    """Return {name: Package} of what is installed on this host."""
    with open(path, encoding="utf-8", errors="replace") as stream:
        return parse_status(stream.read())


def parse_spec(spec):
    """Return (name, version or None) of NAME, NAME:ARCH or NAME=VERSION. ValueError for anything else.

    apt-get reads options, removals (NAME-) and patterns out of its arguments; none of these is a package's name.
    """
    match = _SPEC.match(spec)
    if not match or match.group(1).endswith("-"):
        raise ValueError(f"{spec!r} is no package: write NAME or NAME=VERSION, VERSION may hold *")
    return match.group(1), match.group(3)


def is_satisfied(spec, installed):
    """Tell whether `spec` is installed, by its own name or, without a version, by a package that provides it."""
    name, version = parse_spec(spec)
    package = installed.get(name)
    if package:
        return version is None or fnmatch.fnmatchcase(package.version, version)
    return version is None and any(name in other.provides for other in installed.values())


def removable(candidates, installed):
    """Return those of the names `candidates` that can go, so that no package that stays loses what it needs.

    What must stay for the system (Essential, Protected, Priority: required) stays.
    """
    going = {name for name in candidates if name in installed and not installed[name].must_stay}
    providers = {}
    for package in installed.values():
        for name in [package.name, *package.provides]:
            providers.setdefault(name, set()).add(package.name)
    settled = False
    while not settled:
        settled = True
        for package in installed.values():
            if package.name in going:
                continue
            for group in package.needs:
                able = set().union(*(providers.get(name, set()) for name in group))
                # Where nothing is able now, the need is not ours to break (a package that is half there already).
                if able and able <= going:
                    going -= able
                    settled = False
    return sorted(going)
