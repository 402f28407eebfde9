# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that a play is about to install on a GPU box, held against its driver and GPUs, before the first byte is fetched.

Controller side: it reads stacks and locks. The rules stand in module_utils/_gpu_fit.py.
"""

from __future__ import annotations

from typing import Any

from ..module_utils._gpu_fit import REFUSE, fit
from ..module_utils._gpu_suited import message, others, toolkit_of, want_of
from ._gpu_wheels import of_stack, wheels_of

#: In the place of a CUDA release: what the stack brings to the host's release; none.
OF_STACK, NONE = "stack", "none"


def check(
    host: dict[str, Any],
    stack: dict[str, Any],
    variant: str,
    toolkits: list[str],
    environments: list[dict[str, Any]],
    stacks: list[dict[str, Any]],
    release: tuple[str, str],
) -> tuple[list[dict[str, Any]], str]:
    """Return (problems, message); the message is one line, '' where there is no problem.

    Args:
        host: what gpu_info returned.
        stack: stack_data.
        variant: the variant of it that is to be installed, '' where none of its environments is.
        toolkits: CUDA releases to install, each perhaps OF_STACK or NONE.
        environments: {"name", "lock": path} of a person's own.
        stacks: those that may be named instead, each with its entry for the host's release.
        release: (distribution, version) of the host.

    Raises:
        ValueError: one line, where a file beside a lock is none of ours.
    """
    if host.get("kind") != "gpu":
        return [], ""
    releases = [toolkit_of(stack, *release) if one == OF_STACK else one for one in toolkits]
    releases = [one for one in releases if one not in ("", NONE)]
    wheels = of_stack(stack) if variant else {}
    want = want_of({**stack, "gpu_wheels": wheels}, variant, releases[0] if releases else "")
    if not variant:
        want["oldest_driver"] = ""
    problems = fit(host, want)
    for one in releases[1:]:
        problems += fit(host, _bare(cuda=one))
    for environment in environments:
        own = {wheel["distribution"]: wheel for wheel in wheels_of(environment["lock"])}
        for problem in fit(host, _bare(wheels=own)):
            problems.append({**problem, "what": f"Environment {environment['name']}: {problem['what']}"})
    problems.sort(key=lambda problem: problem["severity"] != REFUSE)
    if not problems:
        return [], ""
    refusing = [problem for problem in problems if problem["severity"] == REFUSE]
    if not refusing:
        return problems, message(want, problems, [], release)
    # The one that was asked for may lie somewhere else.
    known = [stack, *(one for one in stacks if one["dir"] != stack["dir"])]
    suited = others(host, [{**one, "gpu_wheels": of_stack(one)} for one in known], release, want)
    return problems, message(want, refusing, suited, release)


def _bare(cuda: str = "", wheels: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"stack": "", "variant": "", "cuda": cuda, "oldest_driver": "", "wheels": wheels or {}}
