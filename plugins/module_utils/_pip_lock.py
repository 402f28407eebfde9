# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring an environment to its lock: plan, build beside the live one, prove, switch. Check mode returns the plan."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import time
from dataclasses import dataclass, field

from ._build import BuildError, Uv, explain
from ._dists import installed_versions, site_packages
from ._generations import USE_LOCK, Environment, write_whole
from ._integrity import find_damage, make_manifest, write_manifest
from ._launcher import launcher_is_right, remove_links, write_launcher, write_links, write_pip, wrong_links
from ._pins import digest, normalize, requirements_text
from ._plan import make_plan, plan_diff, summary
from ._proof import prove
from ._run_lock import LockTimeoutError, RunLock
from ._source_builds import SourceBuilds, names_without_wheels
from ._space import shortage


class PipLockError(Exception):
    """It cannot be done. The message is one line: what, where, why, how to mend. `details`: data for the result."""

    def __init__(self, message, **details):
        super().__init__(message)
        self.details = details


@dataclass
class Request:
    """What is asked for. Paths are absolute and of this host; times in seconds, sizes in MiB."""

    root: str
    name: str
    uv: str
    python: str = ""
    python_version: str = ""
    pins: list = field(default_factory=list)
    build_constraints: str = ""  # the text, not a path
    built_from_source: list = field(default_factory=list)
    checks: list = field(default_factory=list)
    waivers: list = field(default_factory=list)
    integrity: str = "size"
    commands: list = field(default_factory=list)
    launchers: str = ""  # the directory for the commands' launchers
    keep: int = 3
    space: int = 0
    compile_bytecode: bool = True
    lock_timeout: int = 600
    smoke_user: str = "nobody"
    index: str = ""


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

    def present(self, check_mode):
        """Carry out the plan, or in check mode only return it. Returns the module's result."""
        result = self._plan()
        if not result["changed"]:
            return result
        if check_mode:
            self._require_space(result)
            return result
        self._require_interpreter()
        os.makedirs(self.environment.directory, exist_ok=True)
        self._make_overlays()
        try:
            with RunLock(os.path.join(self.environment.directory, "run.lock"), self.request.lock_timeout) as lock:
                return self._carry_out(lock)
        except LockTimeoutError as error:
            raise PipLockError(str(error)) from error

    def _plan(self):
        """Return the result as it would be, with the plan: the one that a run then carries out."""
        request, environment = self.request, self.environment
        current = environment.current_id()
        state = environment.state(current) if current else {}
        installed, damaged = {}, {}
        if current:
            installed, damaged = self._look(current)
        steps = make_plan(installed, request.pins, damaged)
        reasons = self._other_reasons(current, state)
        target = "" if not (steps or reasons) else (self._kept_generation(current) or "a new generation")
        links = wrong_links(environment, request.launchers, request.commands)
        repair_only = not target and (bool(links) or not launcher_is_right(environment))
        return {
            "changed": bool(target) or repair_only,
            "plan": [step.to_dict() for step in steps],
            "reasons": reasons,
            "summary": self._summary(steps, reasons, links),
            "launchers": links,
            "diff": plan_diff(
                installed, steps, f"{request.name}: {current or 'nothing'}", f"{request.name}: {target or current}"
            ),
            "generation": current,
            "previous": "",
            "lock_digest": self.digest,
            "_steps": steps,
            "_damaged": damaged,
            "_reuse": target if target and target != "a new generation" else "",
            "_launcher_only": repair_only,
        }

    @staticmethod
    def _summary(steps, reasons, links):
        if steps or not (reasons or links):
            return summary(steps)
        return "; ".join([*reasons, *([f"{len(links)} launchers to link"] if links else [])])

    def _look(self, generation):
        """Return ({name: version}, {name: damage}) of a generation."""
        path = self.environment.path(generation)
        try:
            return installed_versions(site_packages(path)), find_damage(path, self.request.integrity)
        except (ValueError, OSError) as error:
            # Its own records are gone: all of it is built anew.
            return {}, {"": str(error)}

    def _other_reasons(self, current, state):
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
                installed, damaged = self._look(generation)
                if not make_plan(installed, self.request.pins, damaged):
                    return generation
        return ""

    def _carry_out(self, lock):
        environment = self.environment
        cleaned = environment.clean()
        # Somebody else may have done it while this run waited for the lock.
        result = self._plan()
        result["cleaned"] = cleaned
        write_launcher(environment)
        write_links(environment, self.request.launchers, self.request.commands)
        if not result["changed"] or result["_launcher_only"]:
            return result
        before = environment.current_id()
        if result["_reuse"]:
            generation = result["_reuse"]
        else:
            self._require_space(result)
            generation = self._build(result, Uv(self.request.uv, self._cache(), pass_fds=[lock.descriptor]))
        environment.switch(generation)
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

    def _build(self, result, uv):
        """Build and prove a generation. Returns its identifier; leaves nothing behind where it fails."""
        environment = self.environment
        generation = environment.new_id(self.digest)
        path = environment.path(generation)
        started = time.monotonic()
        if result["_damaged"]:
            uv.evict(name for name in result["_damaged"] if name)
        try:
            self._fill(generation, uv)
            manifest = self._manifest(generation)
            broken = find_damage(path, self.request.integrity, manifest)
            if broken:
                # The cache itself holds a damaged copy (its files are linked, so damage is shared): fetch these again.
                uv.evict(broken)
                shutil.rmtree(path)
                self._fill(generation, uv)
                manifest = self._manifest(generation)
            write_manifest(path, manifest)
            built = time.monotonic()
            request = self.request
            proof = prove(
                path, request.pins, uv, request.checks, request.waivers, request.integrity, manifest, request.smoke_user
            )
            if not proof.holds:
                raise PipLockError(
                    f"environment {request.name}: the new generation is not proved and does not go live "
                    f"({len(proof.failures)}): {'; '.join(proof.failures)}",
                    failures=proof.failures,
                    checks=proof.results,
                )
            environment.write_state(
                generation,
                {
                    "format": 1,
                    "lock_digest": self.digest,
                    "python": os.path.realpath(request.python),
                    "packages": {pin.name: pin.version for pin in request.pins},
                    "proved": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                    "seconds": {"build": round(built - started, 1), "proof": round(time.monotonic() - built, 1)},
                    "proof": {
                        "integrity": request.integrity,
                        "checks": proof.results,
                        "waived": proof.waived,
                    },
                },
            )
        except BuildError as error:
            shutil.rmtree(path, ignore_errors=True)
            raise PipLockError(
                f"environment {self.request.name}: {explain(str(error), self.request.pins, self.request.index)}"
            ) from error
        except OSError as error:
            shutil.rmtree(path, ignore_errors=True)
            raise PipLockError(f"environment {self.request.name}: building {path}: {error}") from error
        except PipLockError:
            shutil.rmtree(path)
            raise
        except ValueError as error:
            shutil.rmtree(path)
            raise PipLockError(f"environment {self.request.name}: {error}") from error
        return generation

    def _fill(self, generation, uv):
        """Make the environment and install the lock into it."""
        path = self.environment.path(generation)
        uv.make_venv(self.request.python, path)
        own = os.path.join(path, ".mlinabox")
        os.mkdir(own, 0o755)
        write_whole(os.path.join(path, USE_LOCK), "")
        lock = os.path.join(own, "lock.txt")
        if self.request.build_constraints:
            # A record of what built the source distributions.
            write_whole(os.path.join(own, "build.txt"), self.request.build_constraints)
        store = os.path.join(self.request.root, "cache", "built")
        builds = SourceBuilds(uv, store, self.request.python, self.request.build_constraints, self.request.smoke_user)
        built = {normalize(name) for name in self.request.built_from_source}
        while True:
            wheels = builds.pins([pin for pin in self.request.pins if pin.name in built])
            others = [pin for pin in self.request.pins if pin.name not in built]
            write_whole(lock, requirements_text(wheels + others))
            try:
                uv.sync(path, lock, self.request.compile_bytecode)
                return
            except BuildError as error:
                found = names_without_wheels(str(error)) - built
                if not found:
                    raise
                built |= found

    def _manifest(self, generation):
        """Put our `pip` in place, and return what files the generation has to have from now on."""
        path = self.environment.path(generation)
        waived = [file for waiver in self.request.waivers for file in waiver.get("files") or []]
        return make_manifest(path, site_packages(path), write_pip(self.environment, generation), waived)

    def _cache(self):
        path = os.path.join(self.request.root, "cache", "uv")
        os.makedirs(path, mode=0o755, exist_ok=True)
        return path

    def _make_overlays(self):
        """Make the directory in which people register environments over a generation: anybody's, like /tmp."""
        os.makedirs(self.environment.overlays, exist_ok=True)
        if os.stat(self.environment.overlays).st_mode & 0o7777 != 0o1777:
            os.chmod(self.environment.overlays, 0o1777)

    def _require_space(self, result):
        lacking = shortage(self.environment.directory, self.request.space, result["_steps"], self.request.pins)
        if lacking and not result["_reuse"]:
            raise PipLockError(f"environment {self.request.name}: too little disk space: {lacking}")

    def _require_interpreter(self):
        """Refuse an interpreter that is not there or not the lock's, before anything is made."""
        request = self.request
        try:
            done = subprocess.run(
                [request.python, "-I", "-c", "import platform, sys; print(platform.python_version(), sys.platform)"],
                capture_output=True,
                stdin=subprocess.DEVNULL,
                check=True,
            )
        except (OSError, subprocess.CalledProcessError) as error:
            raise PipLockError(
                f"environment {request.name}: the interpreter {request.python or '(none given)'} does not run: "
                f"{error}. Install it first (role mlinabox.core.python), or name another with the option python"
            ) from error
        version = done.stdout.decode().split()[0]
        wanted = request.python_version
        if wanted and version.split(".")[: wanted.count(".") + 1] != wanted.split("."):
            raise PipLockError(
                f"environment {request.name}: the lock is for Python {wanted}, {request.python} is Python {version}. "
                f"Name an interpreter of {wanted}, or make a lock for {version}"
            )
        if platform.machine() != "x86_64":
            raise PipLockError(f"environment {request.name}: locks are for x86_64, this host is {platform.machine()}")

    # --- state: rolled_back --------------------------------------------------------------------------------------

    def roll_back(self, target, check_mode):
        """Make a kept generation the live one: `target`, or the one before. Verifies it first; needs no network."""
        environment = self.environment
        current = environment.current_id()
        target = target or environment.previous_id()
        kept = environment.proved_ids()
        if not target:
            raise PipLockError(
                f"environment {environment.name}: there is no generation before {current or 'the first'}; "
                f"kept are: {', '.join(kept) or 'none'}"
            )
        if target not in kept:
            raise PipLockError(
                f"environment {environment.name}: no proved generation {target}; kept are: {', '.join(kept) or 'none'}"
            )
        result = {
            "changed": target != current,
            "generation": target,
            "previous": current,
            "diff": {"before": f"{current}\n", "after": f"{target}\n"},
            "summary": f"from {current or 'nothing'} back to {target}",
        }
        if target == current:
            return result
        path = environment.path(target)
        state = environment.state(target)
        installed, damaged = self._look(target)
        failures = [f"{name or 'records'}: {what}" for name, what in damaged.items()]
        failures += [
            f"{name}: recorded {version}, installed {installed.get(name) or 'nothing'}"
            for name, version in state.get("packages", {}).items()
            if installed.get(name) != version
        ]
        if not os.path.exists(os.path.join(path, "bin", "python")):
            failures.append(f"its interpreter {state.get('python')} is gone")
        if failures:
            raise PipLockError(
                f"environment {environment.name}: {target} is no longer what was proved, so it does not go live: "
                f"{'; '.join(failures)}. Choose another (kept are: {', '.join(kept)}), or run the playbook site",
                failures=failures,
            )
        if check_mode:
            return result
        try:
            with RunLock(os.path.join(environment.directory, "run.lock"), self.request.lock_timeout):
                write_launcher(environment)
                environment.switch(target)
        except LockTimeoutError as error:
            raise PipLockError(str(error)) from error
        return result

    # --- state: absent -------------------------------------------------------------------------------------------

    def absent(self, check_mode):
        """Remove the environment, all generations. Refuses where programs still run from one."""
        environment = self.environment
        result = {"changed": os.path.isdir(environment.directory), "generation": "", "summary": "nothing to do"}
        if not result["changed"]:
            return result
        ids = environment.all_ids()
        result["summary"] = f"{len(ids)} generations to remove"
        result["diff"] = {"before": "".join(f"{name}\n" for name in ids), "after": ""}
        if check_mode:
            return result
        try:
            with RunLock(os.path.join(environment.directory, "run.lock"), self.request.lock_timeout):
                current = environment.current_id()
                if current:
                    os.unlink(environment.link)
                try:
                    for generation in ids:
                        environment.remove(generation)
                except Exception:
                    if current and os.path.isdir(environment.path(current)):
                        environment.switch(current)
                    raise
                remove_links(environment, self.request.launchers)
                shutil.rmtree(environment.directory)
        except LockTimeoutError as error:
            raise PipLockError(str(error)) from error
        return result
