# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an apt archive offers, read from its list of packages. No Ansible import.

The format is deb-control(5) without the fields of no interest here; relations are those of Depends and Pre-Depends.
"""

from __future__ import annotations

import dataclasses
import re

from . import _deb_version

_FIELD = re.compile(r"^(Package|Version|Depends|Pre-Depends|Size|Installed-Size): ?(.*)$", re.MULTILINE)
_RELATION = re.compile(r"([a-z0-9][a-z0-9+.-]*)(?::\w+)?\s*(?:\((<<|<=|=|>=|>>)\s*([^)\s]+)\s*\))?\Z")


@dataclasses.dataclass(frozen=True)
class Relation:
    """One alternative of a dependency: a name, with `relation` and `version`, or '' and '' where any will do."""

    name: str
    relation: str = ""
    version: str = ""

    def takes(self, version):
        """Tell whether `version` of the package satisfies it."""
        return _deb_version.satisfies(version, self.relation, self.version)


@dataclasses.dataclass(frozen=True)
class Offer:
    """One version of a package. needs: groups of alternatives (Relation). download: bytes; installed: bytes on disk."""

    name: str
    version: str
    needs: tuple = ()
    download: int = 0
    installed: int = 0

    @property
    def spec(self):
        """The offer as apt-get takes it."""
        return f"{self.name}={self.version}"


class Archive:
    """All offers of an archive, by name, the oldest version first."""

    def __init__(self, offers):
        by_name = {}
        for offer in offers:
            by_name.setdefault(offer.name, {})[offer.version] = offer
        self.by_name = {
            name: sorted(versions.values(), key=lambda offer: _deb_version.key(offer.version))
            for name, versions in by_name.items()
        }

    def offers(self, name, takes=lambda version: True):
        """Return the offers of a name, the oldest first, whose version `takes` tells to be right."""
        return [offer for offer in self.by_name.get(name, []) if takes(offer.version)]


def parse(text):
    """Return the Archive of the text of a list of packages."""
    offers = []
    for paragraph in re.split(r"\n\s*\n", text):
        fields = dict(_FIELD.findall(paragraph))
        if "Package" in fields and "Version" in fields:
            needs = ", ".join(fields[field] for field in ("Pre-Depends", "Depends") if fields.get(field))
            offers.append(
                Offer(
                    fields["Package"],
                    fields["Version"].strip(),
                    tuple(parse_needs(needs)),
                    int(fields.get("Size") or 0),
                    int(fields.get("Installed-Size") or 0) * 1024,
                )
            )
    return Archive(offers)


def parse_needs(text):
    """Return the groups of alternatives, tuples of Relation, of the text of a Depends field."""
    groups = []
    for group in text.split(","):
        found = [_RELATION.match(alternative.strip()) for alternative in group.split("|")]
        relations = tuple(Relation(match[1], match[2] or "", match[3] or "") for match in found if match)
        if relations:
            groups.append(relations)
    return groups
