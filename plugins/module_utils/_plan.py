# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must change so that an environment is what its lock says."""

from __future__ import annotations

from dataclasses import dataclass

from ._versions import version_key


@dataclass(frozen=True)
class Step:
    """One package of a plan. before, after: versions, '' for none; why: what is damaged, for a repair."""

    name: str
    action: str  # install, upgrade, downgrade, remove, repair
    before: str = ""
    after: str = ""
    why: str = ""

    def to_dict(self):
        """Return the step as plain data."""
        return {"name": self.name, "action": self.action, "before": self.before, "after": self.after, "why": self.why}


def make_plan(installed, pins, damaged=None):
    """Return the steps from what is installed to what the pins say, sorted by name.

    installed: {normalized name: version}; pins: Pins; damaged: {normalized name: what is wrong with its files}.
    A package that is as pinned and whole has no step, so an empty list means that there is nothing to do.
    """
    wanted = {pin.name: pin.version for pin in pins}
    damaged = damaged or {}
    steps = []
    for name in sorted(set(installed) | set(wanted)):
        before, after = installed.get(name, ""), wanted.get(name, "")
        if not after:
            steps.append(Step(name, "remove", before=before))
        elif not before:
            steps.append(Step(name, "install", after=after))
        elif same_version(before, after):
            if name in damaged:
                steps.append(Step(name, "repair", before, before, damaged[name]))
        else:
            action = "upgrade" if version_key(before) < version_key(after) else "downgrade"
            steps.append(Step(name, action, before, after))
    return steps


def same_version(one, other):
    """Return whether two spellings name the same version (1.0 and 1.0.0 do)."""
    return one == other or (version_key(one) == version_key(other) and version_key(one)[0] != (-1,))


def carry_out(installed, steps):
    """Return {name: version} as it is after the steps: what a plan promises, for tests and for the diff."""
    result = dict(installed)
    for step in steps:
        if step.after:
            result[step.name] = step.after
        else:
            result.pop(step.name, None)
    return result


def plan_diff(installed, steps, before_header, after_header):
    """Return Ansible's diff: one line a package that the plan names, sorted."""

    def lines(versions, damaged):
        return "".join(
            f"{step.name}=={versions[step.name]}{'  # damaged: ' + step.why if damaged and step.why else ''}\n"
            for step in steps
            if step.name in versions
        )

    return {
        "before": lines(installed, True),
        "after": lines(carry_out(installed, steps), False),
        "before_header": before_header,
        "after_header": after_header,
    }


def summary(steps):
    """Return the plan in one line: `214 to install`, or `nothing to do`."""
    counts = {}
    for step in steps:
        counts[step.action] = counts.get(step.action, 0) + 1
    return ", ".join(f"{count} to {action}" for action, count in sorted(counts.items())) or "nothing to do"
