# Copyright: (c) 2026, the ML in a Box contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A smoke check as data: what is asked of it, how it went, and whether that is as it should be."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

WORKS = "works"
FAILS = "fails"


@dataclass(frozen=True)
class Check:
    """One smoke check.

    memory is MiB it is known to need (for planning, not a limit), timeout seconds. A check that is expected to fail
    says why in reason. wanted is the version that the stack asks for, empty where it asks for none.
    """

    name: str
    script: str
    distribution: str
    wanted: str = ""
    memory: int = 512
    timeout: int = 180
    expected: str = WORKS
    reason: str = ""

    @classmethod
    def from_dict(cls, data: dict) -> Check:
        """A check from plain data; raises ValueError that names the check and the field."""
        if not isinstance(data, dict):
            raise ValueError(f"a smoke check is a mapping, not {data!r}")
        label = f"smoke check {data.get('name', '?')!s}"
        known = {field.name: field.type for field in fields(cls)}
        for key in data:
            if key not in known:
                raise ValueError(f"{label}: unknown field '{key}'; known are {', '.join(known)}")
        for key in ("name", "script", "distribution"):
            if not data.get(key):
                raise ValueError(f"{label}: field '{key}' is missing or empty")
        for key, value in data.items():
            if known[key] == "str" and not isinstance(value, str):
                raise ValueError(f"{label}: field '{key}' must be text, not {value!r}")
            if known[key] == "int" and (isinstance(value, bool) or not isinstance(value, int) or value <= 0):
                raise ValueError(f"{label}: field '{key}' must be a whole number above 0, not {value!r}")
        check = cls(**data)
        if check.expected not in (WORKS, FAILS):
            raise ValueError(f"{label}: field 'expected' must be '{WORKS}' or '{FAILS}', not {check.expected!r}")
        if check.expected == FAILS and not check.reason:
            raise ValueError(f"{label}: field 'reason' is empty, yet the check is expected to fail")
        return check


@dataclass(frozen=True)
class Result:
    """How one check went. ok is the verdict: it did what was expected, or better (then unexpected is true), and the
    version is the one wanted. seconds is wall time, peak_memory MiB."""

    name: str
    distribution: str
    wanted: str
    found: str
    works: bool
    ok: bool
    unexpected: bool
    seconds: float
    message: str
    peak_memory: int
    expected: str = WORKS
    reason: str = ""

    def to_dict(self) -> dict:
        return asdict(self)


class Results(list):
    """The results in the checks' order. isolation is empty where the checks had no network, else why they had."""

    isolation: str = ""


def verdict(check: Check, found: str, problem: str, peak_memory: int, seconds: float) -> Result:
    """The result of a check that ended. found: the installed version, empty where none is; problem: empty where the
    check works."""
    works = not problem
    unexpected = works and check.expected == FAILS
    # torch 1.12.1+cu116 is the 1.12.1 that was asked for.
    version_ok = not check.wanted or check.wanted in (found, found.partition("+")[0])
    if works and not version_ok:
        problem = f"version {found} is not the one wanted" if found else "not installed, though its check ran"
    return Result(
        name=check.name,
        distribution=check.distribution,
        wanted=check.wanted,
        found=found,
        works=works,
        ok=version_ok and (works or check.expected == FAILS),
        unexpected=unexpected,
        seconds=seconds,
        message=problem,
        peak_memory=peak_memory,
        expected=check.expected,
        reason=check.reason,
    )
