# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What pip_lock costs beside uv alone, on this machine, over a stack's lock. Run as root, on a quiet machine:

    .venv/bin/python benchmarks/pip_lock.py --python /usr/bin/python3.9 [--stack 2022] [--runs 5] [case ...]

uv runs twice, as shipped and with --offline. Bytecode is compiled on both sides or on neither. `--python` is to be of
the stack's version, and readable for the unprivileged `--user`. The cases `cold` and `progress` download the stack
2 x runs times each. Writes benchmarks/results.md, which the README quotes.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

from box import Box, stack_arguments
from measure import Case, in_turn, table

HERE = Path(__file__).resolve().parent


def nothing(box, runs):
    """Nothing to do."""
    box.bring("stack")
    box.peer("peer")
    box.peer_sync("peer")
    ours, shipped, offline, pip = in_turn(
        runs,
        lambda: box.inside("stack", integrity="none")["seconds"],
        lambda: box.peer_sync("peer"),
        lambda: box.peer_sync("peer", "--offline"),
        lambda: box.pip("peer"),
    )
    yield Case(
        "nothing to do, in `main()`, `integrity: none`",
        ours,
        {"uv": shipped, "uv --offline": offline, "pip": pip},
        at_most=0.10,
    )
    module, empty = in_turn(runs, box.payload("stack", integrity="none"), box.empty_payload())
    over = [one - other for one, other in zip(module, empty)]
    yield Case("the whole module, over an empty one", over, {"an empty module": empty}, at_most=0.15)
    files = box.files("stack")
    ours, peer = in_turn(
        runs, lambda: box.inside("stack", integrity="size")["seconds"], lambda: box.over_files(files, "stat", "-c%s")
    )
    yield Case(f"the same, `integrity: size` ({len(files)} files)", ours, {"stat on all processors": peer}, 1.5)
    ours, peer = in_turn(
        runs, lambda: box.inside("stack", integrity="hash")["seconds"], lambda: box.over_files(files, "sha256sum")
    )
    yield Case("the same, `integrity: hash`", ours, {"sha256sum on all processors": peer}, 1.1)


def warm(box, runs):
    """A new environment from a warm cache, no bytecode."""
    box.bring("stack")
    box.peer("peer")
    box.peer_sync("peer")

    def ours():
        box.forget("new")
        return box.inside("new", integrity="none", compile=False)["seconds"]

    def peer(*more):
        return lambda: box.peer("new") + box.peer_sync("new", *more)

    ours, offline, shipped = in_turn(runs, ours, peer("--offline"), peer())
    box.forget("new")
    yield Case(
        "new environment, warm cache, no bytecode, `integrity: none`",
        ours,
        {"uv --offline": offline, "uv": shipped},
        1.5,
    )


def cold(box, runs):
    """A new environment, everything downloaded, no bytecode."""

    def ours():
        fresh = box.sibling("cold")
        try:
            return fresh.inside("stack", integrity="none", compile=False)["seconds"]
        finally:
            fresh.remove()

    def peer():
        fresh = box.sibling("cold-peer")
        try:
            return fresh.peer("new") + fresh.peer_sync("new")
        finally:
            fresh.remove()

    ours, shipped = in_turn(runs, ours, peer)
    yield Case("new environment, cold cache, no bytecode", ours, {"uv": shipped}, 1.1)


def one_changed(box, runs):
    """One package changes, bytecode included; then what a plain user's first import costs."""
    box.bring("stack")
    # So that what changes is in the cache, as it is in the peer's.
    box.bring("changed", runs)
    box.forget("changed")
    box.peer("peer")
    box.peer_sync("peer")
    changed = itertools.count(1)
    found, first, second = [], [], []

    def ours():
        # Enough are kept that none is removed: uv has none to remove.
        done = box.inside("stack", next(changed), keep=runs + 1)
        found.append(done["mebibytes"])
        first.append(box.import_as_user("stack", "tensorflow"))
        second.append(box.import_as_user("stack", "tensorflow"))
        return done["seconds"]

    def peer():
        box.peer("new")
        return box.peer_sync("new", "--offline", "--compile-bytecode")

    ours, whole = in_turn(runs, ours, peer)
    yield Case(
        "one package of all changed, bytecode and proof included",
        ours,
        {"uv --offline --compile-bytecode, the whole": whole},
        0.1,
    )
    yield Case("`import tensorflow` by a plain user, the first after a switch", first, {"the second": second}, 1.15)
    yield Case("peak memory of the module, MiB", found, unit="MiB", at_most=64)


def progress(box, runs):
    """The same by a task of a playbook, which shows how far it is or does not."""

    def task(shown):
        fresh = box.sibling("cold")
        try:
            return fresh.task("stack", integrity="none", compile=False, progress=shown)
        finally:
            fresh.remove()

    shown, quiet = in_turn(runs, lambda: task(True), lambda: task(False))
    yield Case("the same by a task, `progress: true`", shown, {"progress: false": quiet}, 1.1)


CASES = {"nothing": nothing, "warm": warm, "one_changed": one_changed, "cold": cold, "progress": progress}


def main(words):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", required=True)
    parser.add_argument("--stack", default="2022")
    parser.add_argument("--uv", default=shutil.which("uv"))
    parser.add_argument("--user", default="nobody")
    parser.add_argument("--builder", default="nobody", help="who builds source distributions")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--scratch", default="/var/tmp/mlinabox-benchmark")
    parser.add_argument("cases", nargs="*", choices=[*CASES, []], default=[])
    wanted = parser.parse_args(words)
    uv = subprocess.run([wanted.uv, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    arguments = stack_arguments(HERE.parent, wanted.stack, wanted.python, wanted.builder)
    box = Box(wanted.scratch, arguments, wanted.uv, wanted.user)
    done = []
    try:
        for name in wanted.cases or CASES:
            for case in CASES[name](box, wanted.runs):
                done.append(case)
                print(" | ".join(case.row()), "" if case.holds() else "  <-- over", file=sys.stderr, flush=True)
    finally:
        box.remove()
    heading = (
        f"Stack {wanted.stack}/cpu, {len(arguments['_pins'])} distributions; {os.cpu_count()} processors, "
        f"Python {platform.python_version()} runs the module, uv {uv}; medians of {wanted.runs}, seconds; "
        f"{time.strftime('%Y-%m-%d')}."
    )
    print(table(done, heading))
    if not wanted.cases:
        (HERE / "results.md").write_text(table(done, heading), encoding="utf-8")
        raw = [{"case": case.name, "ours": case.ours, "peers": case.peers} for case in done]
        (HERE / "results.json").write_text(json.dumps(raw, indent=1) + "\n", encoding="utf-8")
    return 0 if all(case.holds() for case in done) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
