# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pin: one distribution that a lock allows, and the lock as a list of them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

_SEPARATORS = re.compile(r"[-_.]+")


def normalize(name):
    """Return a distribution's name as the index compares it (PyPA, "Names and normalization")."""
    return _SEPARATORS.sub("-", name).lower()


@dataclass(frozen=True)
class Pin:
    """One distribution at one version.

    name: normalized; version: as the lock writes it; hashes: `sha256:<hex>` strings, sorted;
    url: address of the one file that serves it, or '' where the index does;
    source: `FILE:LINE` of the lock, for messages only;
    index: address of the index that serves just this distribution, or '' for the default one. It decides where the
    files come from, not which: it is no part of what a lock says.
    """

    name: str
    version: str
    hashes: tuple
    url: str = ""
    source: str = ""
    index: str = ""

    @classmethod
    def from_dict(cls, data):
        """Read a pin from plain data, as it travels from the controller. Raises ValueError where a part lacks."""
        try:
            return cls(
                name=normalize(data["name"]),
                version=data["version"],
                hashes=tuple(sorted(data["hashes"])),
                url=data.get("url") or "",
                source=data.get("source") or "",
                index=data.get("index") or "",
            )
        except KeyError as missing:
            raise ValueError(f"a pin lacks {missing}: {data!r}") from missing

    def to_dict(self):
        """Return the pin as plain data."""
        return {
            "name": self.name,
            "version": self.version,
            "hashes": list(self.hashes),
            "url": self.url,
            "source": self.source,
            "index": self.index,
        }

    def requirement(self):
        """Return the pin as one line of a requirements file."""
        what = f"{self.name} @ {self.url}" if self.url else f"{self.name}=={self.version}"
        return " ".join([what] + [f"--hash={digest}" for digest in self.hashes])


def requirements_text(pins):
    """Return the pins as a requirements file, sorted by name."""
    return "".join(pin.requirement() + "\n" for pin in sorted(pins, key=lambda pin: pin.name))


def digest(pins, *more):
    """Return the sha256 (hex) of what the pins and the strings `more` say. A pin's line number does not count."""
    text = requirements_text(pins) + "".join(f"# {part}\n" for part in more)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
