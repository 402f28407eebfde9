# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of several stacks would fit a host, and the message that says so. Pure; no Ansible import.

A stack is what `_stack.read_stack` returns, with `release`, its entry for the host's release ({} where it has none).
"""

from __future__ import annotations

from ._gpu_fit import fit, refused
from ._gpu_tables import archive_has
from ._gpu_targets import listed


def want_of(stack, variant, toolkit):
    """Return what a stack's variant wants of a host (see _gpu_fit); toolkit: the CUDA release to install, or ''."""
    return {
        "stack": stack["name"],
        "variant": variant,
        "cuda": toolkit,
        "oldest_driver": (stack.get("driver") or {}).get("oldest", ""),
        "wheels": (stack.get("gpu_wheels") or {}).get(variant, {}),
    }


def toolkit_of(stack, distribution, version):
    """Return the CUDA release whose toolkit a stack brings to a release ('Debian', '12.11'); '' where it brings none.

    On a release that the stack is not made for it is the stack's own, where NVIDIA's repository for it has that.
    """
    if stack["release"]:
        found = stack["release"].get("cuda_toolkit", "")
    else:
        found = (stack.get("cuda") or {}).get("version", "")
        found = found if archive_has(distribution, version, found) else ""
    return "" if found == "none" else found


def others(host, stacks, release, asked):
    """Return the stacks that fit a host, best first: the one that was asked for, then those made for its release.

    release: (distribution, version) of the host; asked: the want that was refused, which may be one of these with
    another toolkit. Returns [{"stack", "variant", "toolkit", "here": whether it is made for the host's release,
    "releases": [texts]}], one for a stack: the variant that was asked for where that fits, else cuda, else another.
    """
    found = []
    for stack in stacks:
        toolkit = toolkit_of(stack, *release)
        names = {name for one in stack["environments"].values() for name in one["variants"]}
        for variant in sorted(names, key=lambda name: (name != asked["variant"], name != "cuda", name)):
            if not refused(fit(host, want_of(stack, variant, toolkit))):
                found.append(
                    {
                        "stack": stack["name"],
                        "variant": variant,
                        "toolkit": toolkit,
                        "here": bool(stack["release"]),
                        "releases": [f"{one['distribution']} {one['version']}" for one in stack["releases"]],
                    }
                )
                break
    return sorted(found, key=lambda one: (one["stack"] != asked["stack"], not one["here"]))


def message(want, problems, suited, release):
    """Return in one line what does not fit, why, what to do, and, where that refuses it, which stack would work.

    suited: of `others`; release: (distribution, version) of the host.
    """
    words = list(map(sentences, problems))
    if not refused(problems):
        return " ".join(words)
    variant = f", variant {want['variant']}," if want["variant"] else ""
    head = f"Stack {want['stack']}{variant} does not fit this host."
    return " ".join([head, *words, _instead(want, suited, release)])


def sentences(problem):
    """Return a problem as text."""
    return " ".join(problem[key] for key in ("what", "why", "cure") if problem[key])


def _instead(want, suited, release):
    if not suited:
        return "None of the stacks that were found would work here."
    best = suited[0]
    settings = []
    if best["stack"] != want["stack"]:
        settings.append(f"stack_name={best['stack']}")
    if want["variant"] and best["variant"] != want["variant"]:
        settings.append(f"pip_stack_variant={best['variant']}")
    text = f"Stack {best['stack']}, variant {best['variant']}, "
    if best["stack"] == want["stack"] and best["toolkit"] != want["cuda"]:
        text += f"with its own CUDA {best['toolkit']} " if best["toolkit"] else "without a toolkit "
    elif not settings:
        text += "by itself "
    text += f"would work here: set {' and '.join(settings)}." if settings else "would work here."
    if not best["here"] and best["releases"]:
        text += f" It is made for {listed(best['releases'])}, and this is {' '.join(release)}."
    return text
