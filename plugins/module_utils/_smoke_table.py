# Copyright: (c) 2026, the ML in a Box contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The results of smoke checks as the table that people read."""

from __future__ import annotations

from ._smoke_check import FAILS, Result


def table(results: list[Result]) -> str:
    """The published table again: one row a result, in their order, columns aligned, plain text."""
    rows = [("Software", "Version wanted", "Version found", "Works", "Note")]
    for result in results:
        rows.append((result.name, result.wanted or "-", result.found or "-", _works(result), _note(result)))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    rows.insert(1, tuple("-" * width for width in [*widths, 4]))
    lines = ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[4]]).rstrip() for row in rows]
    isolation = getattr(results, "isolation", "")
    if isolation:
        lines.append(f"The checks ran with the machine's network: {isolation}")
    return "\n".join(lines)


def _works(result):
    if result.works:
        return "yes"
    return "fails as expected" if result.expected == FAILS else "no"


def _note(result):
    if result.unexpected:
        return "; ".join(filter(None, [f"works, though it was expected to fail: {result.reason}", result.message]))
    if result.expected == FAILS and result.ok:
        return result.reason
    return result.message
