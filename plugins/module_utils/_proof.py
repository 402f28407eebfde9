# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must hold before a generation may go live."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ._dists import installed_versions, site_packages
from ._pins import normalize
from ._plan import make_plan
from ._smoke import run_checks


@dataclass
class Proof:
    """What a proof found. failures: a line each, empty where all holds; results: of the smoke checks, as plain data."""

    failures: list = field(default_factory=list)
    waived: list = field(default_factory=list)
    results: list = field(default_factory=list)

    @property
    def holds(self):
        """Whether the generation may go live."""
        return not self.failures


def prove(generation, pins, uv, damage, checks=(), waivers=(), user="nobody", progress=None):
    """Prove a generation: set, files, consistency, then the smoke checks.

    generation: its directory; pins: the lock's; uv: Uv; damage: what find_damage says of it; checks: smoke Checks;
    waivers: [{distribution, reason, files}]; progress: Progress. Smoke checks run only when all before them holds: they
    would fail for the same cause.
    """
    proof = Proof()
    installed = installed_versions(site_packages(generation))
    proof.failures += [
        f"{step.name}: the lock says {step.after or 'nothing'}, installed is {step.before or 'nothing'}"
        for step in make_plan(installed, pins)
    ]
    proof.failures += [f"{name or 'the environment itself'}: {what}" for name, what in damage.items()]
    complaints, proof.waived = apply_waivers(uv.check(generation), waivers)
    proof.failures += complaints
    if proof.holds and checks:
        results = run_checks(f"{generation}/bin/python", list(checks), user=user, told=_teller(progress, len(checks)))
        proof.results = [result.to_dict() for result in results]
        proof.failures += [
            f"{result.name} {result.found or result.wanted}: {result.message}" for result in results if not result.ok
        ]
    return proof


def _teller(progress, total):
    def told(done, running):
        progress.advance(done, total)
        progress.note(", ".join(running))

    return told if progress else None


def apply_waivers(complaints, waivers):
    """Return (complaints that stand, [{complaint, reason}] that are waived). A waiver names one distribution.

    Those that name files are about RECORD, not about requirements.
    """
    reasons = {normalize(one["distribution"]): one["reason"] for one in waivers if not one.get("files")}
    standing, waived = [], []
    for line in complaints:
        found = re.match(r"The package `([^`]+)`", line)
        name = normalize(found.group(1)) if found else ""
        if name in reasons:
            waived.append({"complaint": line, "reason": reasons[name]})
        else:
            standing.append(line)
    return standing, waived
