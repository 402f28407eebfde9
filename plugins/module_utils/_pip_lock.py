# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring an environment to its lock: plan, build beside the live one, prove, switch. Check mode returns the plan."""

from __future__ import annotations

import os

from ._generations import Environment
from ._inspection import ITSELF, inspect
from ._interpreter import ask_interpreter, require_platform
from ._launcher import launcher_is_right, write_launcher, write_links, wrong_links
from ._pins import digest
from ._plan import make_plan, plan_diff, summary
from ._progress import FILE as PROGRESS
from ._progress import Progress
from ._removal import remove_environment
from ._request import PipLockError
from ._rollback import roll_back
from ._run_lock import LockTimeoutError, RunLock, is_held
from ._space import recorded_mib, shortage


class PipLock:
    """One run on one environment."""

    def __init__(self, request):
        self.request = request
        try:
            self.environment = Environment(request.root, request.name)
        except ValueError as error:
            raise PipLockError(str(error)) from error
        self.digest = digest(request.pins, f"python={request.python_version}", f"build={request.build_constraints}")

    # --- state: present ------------------------------------------------------------------------------------------

    def present(self, check_mode, defer=False):
        """Carry out the plan, or in check mode only return it. Returns the module's result.

        defer: carry it out only where nothing is to be built, and else return the plan with `deferred`, which the
        caller then has carried out where a build may take its time.
        """
        if not os.path.isabs(self.request.python):
            # Relative, it would be another one for each directory that a run begins in.
            raise PipLockError(
                f"environment {self.request.name}: the option python must be an absolute path, not "
                f"{self.request.python!r}"
            )
        result = self._plan()
        if not result["changed"]:
            return result
        require_platform(self.request)
        if check_mode:
            self._require_space(result)
            return result
        if defer and result["_target"] and not result["_reuse"]:
            return {**result, "deferred": True}
        interpreter = ask_interpreter(self.request)
        directory = self.environment.directory
        os.makedirs(directory, exist_ok=True)
        progress = os.path.join(directory, PROGRESS)
        try:
            with RunLock(self._run_lock, self.request.lock_timeout) as lock, Progress(progress) as told:
                return self._carry_out(result, interpreter, lock, told)
        except LockTimeoutError as error:
            raise PipLockError(str(error)) from error

    def _plan(self, cleaned=()):
        """Return the result as it would be, with the plan: the one that a run then carries out.

        cleaned: names of the leftovers that this run has removed already.
        """
        request, environment = self.request, self.environment
        current = environment.current_id()
        state = environment.state(current) if current else {}
        installed, damaged = {}, {}
        if current:
            installed, damaged = inspect(environment.path(current), request.integrity)
        steps = make_plan(installed, request.pins, damaged)
        reasons = self._other_reasons(current, state, damaged)
        # What is kept shares files with what drifted, so a repair is built.
        drift = bool(damaged) or (bool(steps) and state.get("lock_digest") == self.digest)
        kept = self._kept_generation(current) if reasons and not drift else ""
        target = (kept or "a new generation") if steps or reasons else ""
        # What a run that goes on is making is its own.
        leftovers = cleaned or ([] if is_held(self._run_lock) else environment.leftovers())
        links = wrong_links(environment, request.launchers, request.commands)
        return {
            "changed": bool(target or leftovers or links) or not launcher_is_right(environment),
            "plan": [step.to_dict() for step in steps],
            "reasons": reasons,
            "summary": self._summary(steps, reasons, links, leftovers),
            "launchers": links,
            "leftovers": leftovers,
            "diff": plan_diff(
                installed, steps, f"{request.name}: {current or 'nothing'}", f"{request.name}: {target or current}"
            ),
            "generation": current,
            "previous": "",
            "lock_digest": self.digest,
            "_ids": environment.all_ids(),
            "_steps": steps,
            "_damaged": damaged,
            "_drift": drift,
            "_target": target,
            "_reuse": kept,
        }

    @staticmethod
    def _summary(steps, reasons, links, leftovers):
        if steps or not (reasons or links or leftovers):
            return summary(steps)
        others = [
            f"{len(found)} {what}"
            for found, what in ((links, "launchers to link"), (leftovers, "leftovers of a run that was cut short"))
            if found
        ]
        return "; ".join([*reasons, *others])

    def _other_reasons(self, current, state, damaged):
        """Return why the live generation must be replaced although its packages are as pinned."""
        if not current:
            return ["no generation is live"]
        if not state:
            return ["the live generation was never proved"]
        reasons = []
        if state.get("lock_digest") != self.digest:
            reasons.append("the lock changed")
        python = os.path.join(self.environment.path(current), "bin", "python")
        if self.request.python and state.get("python") != os.path.realpath(self.request.python):
            reasons.append(f"the interpreter changes from {state.get('python')} to {self.request.python}")
        elif not os.path.exists(python):
            reasons.append("the live generation's interpreter is gone")
        if ITSELF in damaged:
            reasons.append(f"the live environment is damaged: {damaged[ITSELF]}")
        return reasons

    def _kept_generation(self, current):
        """Return a kept generation that is what is asked for and whole, newest first, or ''."""
        for generation in reversed(self.environment.proved_ids()):
            state = self.environment.state(generation)
            if (
                generation != current
                and state.get("lock_digest") == self.digest
                and state.get("python") == os.path.realpath(self.request.python)
                and os.path.exists(os.path.join(self.environment.path(generation), "bin", "python"))
            ):
                installed, damaged = inspect(self.environment.path(generation), self.request.integrity)
                if not (make_plan(installed, self.request.pins, damaged) or damaged):
                    return generation
        return ""

    def _carry_out(self, result, interpreter, lock, progress):
        """Do what the plan `result` says, under the lock. Returns the module's result."""
        environment = self.environment
        self._make_overlays()
        cleaned = environment.clean()
        self._remove_stale()
        if environment.current_id() != result["generation"] or environment.all_ids() != result["_ids"]:
            # Another run did something between the plan and the lock, or left something that is gone now.
            result = self._plan(cleaned)
        write_launcher(environment)
        write_links(environment, self.request.launchers, self.request.commands)
        if not result["_target"]:
            if result["leftovers"]:
                # A run that was cut short after its switch had not removed yet what is beyond `keep`.
                result["removed"], result["kept_in_use"] = environment.prune(self.request.keep)
            return result
        before = environment.current_id()
        generation = result["_reuse"]
        if not generation:
            self._require_space(result)
            # Here, since it is most of what there is to import, and most runs build nothing.
            from ._builder import Builder

            builder = Builder(environment, self.request, self.digest, interpreter, lock.descriptor, progress)
            generation = builder.build(result["_damaged"])
        progress.phase("switch")
        environment.switch(generation)
        if result["_drift"]:
            environment.condemn(before, "; ".join([result["summary"], *sorted(result["_damaged"].values())]))
        progress.phase("removal")
        removed, used = environment.prune(self.request.keep)
        result.update(
            generation=generation,
            previous=before,
            removed=removed,
            kept_in_use=used,
            reused=bool(result["_reuse"]),
            proof=environment.state(generation).get("proof", {}),
        )
        result["diff"]["after_header"] = f"{self.request.name}: {generation}"
        return result

    def _remove_stale(self):
        """Remove what killed runs left elsewhere, also where this one builds and checks nothing."""
        # Here, since most runs do nothing.
        from ._smoke_folder import BUILDING, KEEPING, PLACE, SMOKE, remove_stale

        remove_stale(PLACE, SMOKE)
        remove_stale(PLACE, BUILDING)
        remove_stale(os.path.join(self.request.root, "cache", "built"), KEEPING)

    @property
    def _run_lock(self):
        return os.path.join(self.environment.directory, "run.lock")

    def _make_overlays(self):
        """Make the directory in which people register environments over a generation: anybody's, like /tmp."""
        os.makedirs(self.environment.overlays, exist_ok=True)
        if os.stat(self.environment.overlays).st_mode & 0o7777 != 0o1777:
            os.chmod(self.environment.overlays, 0o1777)

    def _require_space(self, result):
        if result["_reuse"]:
            return
        environment, request = self.environment, self.request
        # Where nobody says how large the whole is, the live generation does.
        whole = request.space or (recorded_mib(environment.path(result["generation"])) if result["generation"] else 0)
        lacking = shortage(environment.directory, whole, result["_steps"], request.pins)
        if lacking:
            raise PipLockError(f"environment {request.name}: too little disk space: {lacking}")

    # --- other states --------------------------------------------------------------------------------------------

    def roll_back(self, target, check_mode):
        """Make a kept generation the live one: `target`, or the one before. Returns the module's result."""
        return roll_back(self.environment, self.request, target, check_mode)

    def absent(self, check_mode):
        """Remove the environment, all generations. Returns the module's result."""
        return remove_environment(self.environment, self.request, check_mode)
