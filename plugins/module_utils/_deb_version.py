# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order of Debian's versions, as dpkg has it: deb-version(7), "Sorting algorithm". No Ansible import."""

from __future__ import annotations

import functools
import itertools
import re

_PARTS = re.compile(r"(\D*)(\d*)")


def compare(one, other):
    """Return a number below, at or above 0 where the version `one` is older than, as old as or newer than `other`."""
    first, second = _split(one), _split(other)
    return first[0] - second[0] or _compare(first[1], second[1]) or _compare(first[2], second[2])


#: For sorted() and max().
key = functools.cmp_to_key(compare)

_RELATIONS = {
    "<<": lambda order: order < 0,
    "<=": lambda order: order <= 0,
    "=": lambda order: order == 0,
    ">=": lambda order: order >= 0,
    ">>": lambda order: order > 0,
}


def satisfies(version, relation, wanted):
    """Tell whether `version` stands in `relation` (<<, <=, =, >=, >>, or '' for any) to the version `wanted`."""
    return not relation or _RELATIONS[relation](compare(version, wanted))


def upstream(version):
    """Return a version without its epoch and Debian's revision: '8.5.0.96' of '1:8.5.0.96-1+cuda11.7'."""
    return _split(version)[1]


def _split(version):
    """Return (epoch, upstream's version, revision)."""
    epoch, colon, rest = version.partition(":")
    rest = rest if colon else version
    main, _dash, revision = rest.rpartition("-")
    return int(epoch) if colon and epoch.isdigit() else 0, main or rest, revision if main else ""


def _compare(one, other):
    pairs = itertools.zip_longest(_PARTS.findall(one), _PARTS.findall(other), fillvalue=("", ""))
    for (text, number), (other_text, other_number) in pairs:
        for letter, other_letter in itertools.zip_longest(text, other_text):
            if _order(letter) != _order(other_letter):
                return _order(letter) - _order(other_letter)
        if int(number or 0) != int(other_number or 0):
            return int(number or 0) - int(other_number or 0)
    return 0


def _order(letter):
    """A tilde comes before the end, the end before letters, letters before anything else."""
    if letter is None:
        return 0
    if letter == "~":
        return -1
    return ord(letter) if letter.isalpha() else ord(letter) + 256
