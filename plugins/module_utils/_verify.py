# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prove what is live, changing nothing: each environment's set and files, then all smoke checks, in one table."""

from __future__ import annotations

import os

from ._build import BuildError, Uv, one_line
from ._generations import Environment
from ._integrity import find_damage
from ._pins import Pin
from ._proof import prove
from ._smoke import run_checks
from ._smoke_check import Check, Result, Results
from ._smoke_table import table


def verify(root, uv_program, environments, integrity, user, order=()):
    """Return the module's result.

    environments: [{name, pins or None, checks, waivers}], plain data; with pins, what is live must equal them; without,
    what was recorded when it was proved. order: names of checks, in which the table shows them.
    """
    failures, results, live = [], Results(), {}
    for wanted in environments:
        environment = Environment(root, wanted["name"])
        generation = environment.current_id()
        live[wanted["name"]] = generation
        state = environment.state(generation) if generation else {}
        if not state:
            failures.append(f"{wanted['name']}: no proved generation is live. Run the playbook site")
            continue
        failures += _prove_one(environment, generation, state, wanted, uv_program, integrity)
        checks = [Check.from_dict(check) for check in wanted["checks"]]
        done = run_checks(os.path.join(environment.path(generation), "bin", "python"), checks, user=user)
        results.extend(done)
        results.isolation = results.isolation or done.isolation
    places = {name: place for place, name in enumerate(order)}
    results.sort(key=lambda result: places.get(result.name, len(places)))
    failures += [_word(result) for result in results if not result.ok]
    return {
        "changed": False,
        "works": not failures,
        "failures": failures,
        "generations": live,
        "checks": [result.to_dict() for result in results],
        "table": table(results),
        "summary": _summary(results),
    }


def _prove_one(environment, generation, state, wanted, uv_program, integrity):
    path = environment.path(generation)
    pins = wanted["pins"]
    if pins is None:
        pins = [Pin(name, version, ()) for name, version in state.get("packages", {}).items()]
    else:
        pins = [Pin.from_dict(pin) for pin in pins]
    uv = Uv(uv_program, os.path.join(environment.root, "cache", "uv"))
    try:
        proof = prove(path, pins, uv, find_damage(path, integrity), waivers=wanted["waivers"])
    except BuildError as error:
        return [f"{environment.name}: {one_line(str(error))}"]
    except (ValueError, OSError) as error:
        return [f"{environment.name}: {error}"]
    return [f"{environment.name}: {failure}" for failure in proof.failures]


def _word(result: Result):
    return f"{result.name} {result.found or '(not installed)'}: {result.message}"


def _summary(results):
    works = sum(1 for result in results if result.works)
    expected = sum(1 for result in results if not result.works and result.ok)
    wrong = sum(1 for result in results if not result.ok)
    return f"{works} of {len(results)} work, {expected} fail as expected, {wrong} do not do as expected"
