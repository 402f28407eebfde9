# Copyright: (c) 2026, the ML in a Box contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs an environment's smoke checks: small scripts that prove that a package not only imports but computes.

A check runs as an unprivileged user in a new home, without network, so that it can neither lean on what lies
around on the machine nor leave anything behind. Checks run side by side within the machine's memory.

Plain Python 3.8+ and standard library: nothing here knows of Ansible. Everything runs in the calling thread.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time

from ._dists import installed_versions, site_packages
from ._pins import normalize
from ._smoke_check import Check, Result, Results, verdict
from ._smoke_folder import clear, run_folder
from ._smoke_home import environment, find_owner, make_home
from ._smoke_memory import memory_budget
from ._smoke_network import why_not_cut_off
from ._smoke_process import POLL, Running


def run_checks(
    python: str,
    checks: list[Check],
    user: str = "nobody",
    scratch: str | None = None,
    jobs: int | None = None,
    budget_mib: int | None = None,
    env: dict[str, str] | None = None,
    told=None,
) -> Results:
    """Runs the checks with an environment's interpreter (ENVIRONMENT/bin/python) and returns a result for each.

    user      whom they run as where the caller is root; everybody else runs them as himself
    scratch   an existing folder in which to make the homes; everyone must be able to enter it
    jobs      most checks at once; by default one a usable core
    budget_mib  memory that running checks may declare together, MiB; a check above it runs alone
    env       variables on top of the clean environment
    told      called now and then with how many are done, and the names of those that run

    Raises ValueError for a user or scratch folder that is not there. What goes wrong with a check is its result.
    """
    cores = len(os.sched_getaffinity(0))
    jobs = max(1, jobs or cores)
    threads = max(1, min(4, cores // jobs))
    budget = memory_budget() if budget_mib is None else budget_mib
    owner = find_owner(user)
    results = Results()
    results.isolation = why_not_cut_off()
    versions = installed(python)
    base = scratch or "/var/tmp"
    if not os.path.isdir(base):
        raise ValueError(f"scratch folder {base} is not there")

    done: dict[int, Result] = {}
    running: dict[int, Running] = {}
    # The big ones first: they decide how long all of it takes.
    pending = sorted(range(len(checks)), key=lambda i: -checks[i].memory)
    with _ends_orderly(), run_folder(base) as folder:
        try:
            while pending or running:
                declared = sum(checks[i].memory for i in running)
                for i in _startable(pending, checks, declared, len(running), jobs, budget):
                    pending.remove(i)
                    home = os.path.join(folder, str(i))
                    make_home(home, owner)
                    variables = {**environment(home, python, owner, threads), **(env or {})}
                    running[i] = Running(python, checks[i], home, owner, variables, network=bool(results.isolation))
                for i, process in list(running.items()):
                    outcome = process.poll()
                    if outcome:
                        del running[i]
                        done[i] = verdict(checks[i], versions.get(normalize(checks[i].distribution), ""), *outcome)
                        clear(process.home)
                if told:
                    told(len(done), [checks[i].name for i in running])
                if running:
                    time.sleep(POLL)
        finally:
            for process in running.values():
                process.kill()
    results.extend(done[i] for i in range(len(checks)))
    return results


def installed(python: str) -> dict[str, str]:
    """Versions by normalised name in the interpreter's environment, none where it has no site-packages."""
    # Not resolved: in an environment bin/python is a link to the interpreter outside of it.
    place = os.path.dirname(os.path.dirname(os.path.abspath(python)))
    try:
        return installed_versions(site_packages(place))
    except (OSError, ValueError):
        return {}


def _startable(pending, checks, used, active, jobs, budget):
    """Those of pending that can start now beside active others that declared used MiB."""
    chosen = []
    for i in pending:
        if active >= jobs:
            break
        # Where nothing runs anything may start, also what is larger than the whole budget; then it runs alone.
        if active == 0 or used + checks[i].memory <= budget:
            chosen.append(i)
            used += checks[i].memory
            active += 1
    return chosen


@contextlib.contextmanager
def _ends_orderly():
    """Turns SIGTERM and SIGHUP into SystemExit meanwhile, so that checks are ended and folders removed there too."""

    def leave(number, _frame):
        raise SystemExit(128 + number)

    taken = []
    if threading.current_thread() is threading.main_thread():
        taken = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) == signal.SIG_DFL]
    for number in taken:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)
