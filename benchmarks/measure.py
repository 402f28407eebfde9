# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Times taken in turn, and a table of medians. A ratio is of medians from one run; a time alone says little."""

from __future__ import annotations

import statistics
import subprocess
import time
from dataclasses import dataclass, field


@dataclass
class Case:
    """One row: what was done, by us and by peers. limit: of the ratio against the first peer, 0 for none."""

    name: str
    ours: list
    peers: dict = field(default_factory=dict)
    limit: float = 0.0
    unit: str = "s"
    at_most: float = 0.0  # of our own median

    @property
    def median(self):
        return statistics.median(self.ours)

    @property
    def ratio(self):
        """Ours by the first peer's."""
        return self.median / statistics.median(next(iter(self.peers.values()))) if self.peers else 0.0

    def row(self):
        """Return the cells of the case's row."""
        peers = ", ".join(f"{name} {statistics.median(times):.2f}" for name, times in self.peers.items())
        limits = [f"{self.limit:g}x"] if self.limit else []
        limits += [f"{self.at_most:g} {self.unit}"] if self.at_most else []
        ratio = f"{self.ratio:.2f}x" if self.peers else ""
        return [self.name, f"{self.median:.{3 if self.median < 1 else 2}f}", peers, ratio, " and ".join(limits)]

    def holds(self):
        """Whether the case is within its limits."""
        return not (self.limit and self.ratio > self.limit) and not (self.at_most and self.median > self.at_most)


def in_turn(runs, *parts):
    """Run each of the functions `runs` times, one after the other: A B A B. Returns the lists of what they return."""
    found = [[] for _part in parts]
    for _run in range(runs):
        for place, part in enumerate(parts):
            found[place].append(part())
    return found


def seconds(*command, **options):
    """Return how long a command takes. A command that fails ends the benchmark: CalledProcessError."""
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, **options}
    started = time.perf_counter()
    done = subprocess.run([str(part) for part in command], check=False, **options)
    taken = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))[:200]}: {(done.stderr or b'').decode()[-800:]}")
    return taken


def table(cases, heading):
    """Return the cases as a Markdown table."""
    rows = [["case", "ours", "peers", "ratio", "at most"], ["---"] * 5, *(case.row() for case in cases)]
    return "\n".join([heading, "", *("| " + " | ".join(row) + " |" for row in rows), ""])
