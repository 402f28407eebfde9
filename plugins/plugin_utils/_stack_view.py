# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stack seen from the role that installs it: its environments for one variant, each with lock and smoke checks."""

from __future__ import annotations

import os


def choose_variant(stack, asked, kind):
    """Return the variant to install: `asked`, or with `auto` cuda on a GPU box where the stack has it, else cpu.

    stack: stack_data; kind: nvidia_check_kind. Raises ValueError where the stack has no such variant.
    """
    have = sorted({name for one in stack["environments"].values() for name in one["variants"]})
    if asked == "auto":
        asked = "cuda" if kind == "gpu" and "cuda" in have else "cpu"
    if asked not in have:
        raise ValueError(f"stack {stack['name']} has no variant {asked!r}; it has {', '.join(have)}")
    return asked


def environments(stack, variant):
    """Return the stack's environments for a variant, in its order: options for pip_lock, and the commands to launch."""
    found = []
    for name, one in stack["environments"].items():
        if variant not in one["variants"]:
            continue
        build = one.get("build")
        found.append(
            {
                "name": name,
                "lock": os.path.join(stack["dir"], one["variants"][variant]),
                "build_lock": os.path.join(stack["dir"], build) if build else None,
                "built_from_source": one.get("built_from_source") or [],
                "space": one.get("space", 0),
                "smoke": checks(stack, name, variant),
                "waivers": stack.get("waivers") or [],
                "commands": commands(stack, name),
            }
        )
    return found


#: What an environment has where nothing is said.
_OWN = {
    "build_lock": None,
    "built_from_source": [],
    "space": 0,
    "smoke": [],
    "waivers": [],
    "commands": [],
    "indexes": [],
    "extras": [],
    "groups": None,
}


def with_own(found, own, python):
    """Return the environments of a stack and, behind them, those of a person's own, each whole.

    found: what `environments` returns; own: [{name, lock, and any of _OWN or python}]; python: the interpreter
    of those that name none. ValueError where a name is taken.
    """
    # Both roles would bring it to their own lock, in turn, at every run.
    taken = {"jupyterlab": "the notebook server's (role jupyterlab)", **{one["name"]: "the stack's" for one in found}}
    for one in own:
        if one["name"] in taken:
            raise ValueError(
                f"pip_stack_environments: the name {one['name']!r} is {taken[one['name']]}. Choose another"
            )
        taken[one["name"]] = "already another's"
    return [
        {**_OWN, "python": python, **{key: value for key, value in one.items() if value is not None}}
        for one in [*found, *own]
    ]


def commands(stack, environment):
    """Return the commands of an environment that get a launcher: of the stack's own, python and pip besides."""
    named = list(stack["environments"][environment].get("commands") or [])
    return ["python", "pip", *stack.get("commands", []), *named] if environment == "stack" else named


def checks(stack, environment, variant):
    """Return the smoke checks of one environment, in the order of the published table."""
    found = []
    for row in stack.get("packages") or []:
        if row["environment"] != environment or not row.get("check"):
            continue
        expected = row.get("expected", "works")
        if isinstance(expected, dict):
            expected = expected.get(variant, "works")
        found.append(
            {
                "name": row["name"],
                "distribution": row["distribution"],
                "wanted": str(row["version"]),
                "src": script(stack, row["check"]),
                "memory": row.get("memory", 512),
                "timeout": row.get("timeout", 180),
                "expected": expected,
                "reason": row.get("reason", "") if expected == "fails" else "",
            }
        )
    return found


def script(stack, check):
    """Return the path of a check's script: the stack's own, one that lies beside the stack, or the collection's."""
    collection = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    folders = [os.path.join(stack["dir"], "smoke"), stack["smoke_dir"], os.path.join(collection, "stacks", "smoke")]
    paths = [os.path.join(folder, check + ".py") for folder in folders]
    return next((path for path in paths if os.path.isfile(path)), paths[-1])
