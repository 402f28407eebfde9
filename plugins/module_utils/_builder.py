# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds one generation beside the live one, and proves it. Where that fails, nothing of it is left."""

from __future__ import annotations

import contextlib
import os
import time

from ._build import BuildError, Uv, disk_full, explain
from ._bytecode import Bytecode, CompileError
from ._dists import site_packages
from ._generations import USE_LOCK, remove_tree, write_soon
from ._indexes import install
from ._inspection import ITSELF
from ._integrity import find_damage
from ._launcher import write_pip
from ._manifest import Manifest, add_distributions, add_own_files, write_manifest
from ._pins import normalize, requirements_text
from ._proof import prove
from ._request import PipLockError
from ._source_builds import SourceBuilds, names_without_wheels
from ._uv_cache import damaged_in_cache
from ._wheelhouse import Wheelhouse


class Builder:
    """Builds generations of one environment as a request says."""

    def __init__(self, environment, request, digest, interpreter, lock, progress):
        """environment: Environment; digest: names what is asked for; interpreter: Interpreter; progress: Progress.

        lock: the run lock's descriptor, which each process that writes holds open.
        """
        self.environment = environment
        self.request = request
        self.digest = digest
        self.interpreter = interpreter
        self.progress = progress
        cache = os.path.join(request.root, "cache", "uv")
        os.makedirs(cache, mode=0o755, exist_ok=True)
        wheelhouse = Wheelhouse(request.wheelhouse) if request.wheelhouse else None
        self.uv = Uv(request.uv, cache, None, [lock], progress, wheelhouse)

    def build(self, damaged):
        """Build and prove a generation. Returns its identifier. Raises PipLockError.

        damaged: {name: what} of the live one's distributions, whose files uv's cache may share.
        """
        generation = self.environment.new_id(self.digest)
        path = self.environment.path(generation)
        try:
            self._build(generation, path, damaged)
        except BuildError as error:
            raise self._failed(path, self._explain(str(error))) from error
        except OSError as error:
            said = f"building {path}: {error}"
            raise self._failed(path, disk_full(said) or said) from error
        except (CompileError, ValueError) as error:
            raise self._failed(path, disk_full(str(error)) or str(error)) from error
        except PipLockError:
            _discard(path)
            raise
        return generation

    def _explain(self, error):
        request, said = self.request, ""
        if self.uv.wheelhouse:
            said = self.uv.wheelhouse.explain(self.uv.wheelhouse.pins(request.pins), request.build_constraints)
        return said or explain(error, request.pins, request.wheelhouse or request.index)

    def _failed(self, path, why):
        _discard(path)
        return PipLockError(f"environment {self.request.name}: {why}")

    def _build(self, generation, path, damaged):
        started = time.monotonic()
        self._evict(damaged)
        try:
            self._make(path, damaged)
        except BuildError:
            # A crash may have emptied files in uv's cache, which uv then cannot install: fetch these again.
            wrong = {normalize(waiver["distribution"]) for waiver in self.request.waivers if waiver.get("files")}
            names = {pin.name for pin in self.request.pins} - wrong
            found = {name: "damaged in uv's cache" for name in damaged_in_cache(self.uv.cache) if name in names}
            if not found:
                raise
            self._evict(found)
            _discard(path)
            self._make(path, {**damaged, **found})
        found = find_damage(path, self.request.integrity)
        if found:
            # The cache itself holds a damaged copy (its files are linked, so damage is shared): fetch these again.
            self._evict(found)
            _discard(path)
            self._make(path, {**damaged, **found})
            found = find_damage(path, self.request.integrity)
        built = time.monotonic()
        proof = self._prove(path, found)
        self.environment.write_state(
            generation,
            {
                "format": 1,
                "lock_digest": self.digest,
                "python": self.interpreter.real,
                "packages": {pin.name: pin.version for pin in self.request.pins},
                "proved": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "seconds": {"build": round(built - started, 1), "proof": round(time.monotonic() - built, 1)},
                "proof": {
                    "integrity": self.request.integrity,
                    "checks": proof.results,
                    "waived": proof.waived,
                },
            },
        )

    def _evict(self, damaged):
        names = [name for name in damaged if name != ITSELF]
        if names:
            self.uv.evict(names)

    def _prove(self, path, found):
        request = self.request
        self.progress.phase("proof", len(request.checks))
        proof = prove(
            path, request.pins, self.uv, found, request.checks, request.waivers, request.smoke_user, self.progress
        )
        if not proof.holds:
            raise PipLockError(
                f"environment {request.name}: the new generation is not proved and does not go live "
                f"({len(proof.failures)}): {'; '.join(proof.failures)}",
                failures=proof.failures,
                checks=proof.results,
            )
        return proof

    def _make(self, path, damaged):
        """Make the environment, install the lock into it, compile, and record its files."""
        self.progress.phase("download", len(self.request.pins))
        self.uv.make_venv(self.interpreter.path, path)
        own = os.path.join(path, ".mlinabox")
        os.mkdir(own, 0o755)
        manifest = Manifest()
        add_own_files(manifest, path)
        write_soon(os.path.join(path, USE_LOCK), "")
        # Without it the launcher starts nothing.
        manifest.add("", *os.path.split(USE_LOCK), 0)
        if self.request.build_constraints:
            # A record of what built the source distributions.
            write_soon(os.path.join(own, "build.txt"), self.request.build_constraints)
        self._install(path, os.path.join(own, "lock.txt"))
        site = site_packages(path)
        waived = [file for waiver in self.request.waivers for file in waiver.get("files") or []]
        add_distributions(manifest, path, site, write_pip(self.environment, os.path.basename(path)), waived)
        if self.request.compile_bytecode:
            self.progress.phase("compile")
            donor, unchanged = self._donor(damaged)
            Bytecode(path, self.interpreter, self.uv.pass_fds, self.progress).add(manifest, site, donor, unchanged)
        write_manifest(path, manifest)

    def _install(self, path, lock):
        """Install the lock's distributions; write what uv is given to the file `lock`."""
        request = self.request
        store = os.path.join(request.root, "cache", "built")
        builds = SourceBuilds(self.uv, store, request.python, request.build_constraints, request.smoke_user)
        built = {normalize(name) for name in request.built_from_source}
        wheelhouse = self.uv.wheelhouse
        pins = wheelhouse.pins(request.pins) if wheelhouse else request.pins
        while True:
            sources = [pin for pin in pins if pin.name in built]
            others = [pin for pin in pins if pin.name not in built]
            if wheelhouse:
                unbuilt = builds.missing(sources)
                wheelhouse.require(others + unbuilt, request.build_constraints if unbuilt else "")
            try:
                if builds.missing(sources) and others:
                    # One waits for the network, the other for a processor: both at once. Imported here, for few builds
                    # need it and it is not small.
                    from concurrent.futures import ThreadPoolExecutor

                    with ThreadPoolExecutor(1) as beside:
                        download = beside.submit(self._sync, path, lock, others)
                        wheels = builds.pins(sources)
                    download.result()
                else:
                    wheels = builds.pins(sources)
                self._sync(path, lock, wheels + others)
                return
            except BuildError as error:
                found = names_without_wheels(str(error)) - built
                if not found:
                    raise
                built |= found

    def _sync(self, path, lock, pins):
        # Not for everybody: an address may hold a password.
        write_soon(lock, requirements_text(pins), 0o600)
        install(self.uv, path, lock, pins)

    def _donor(self, damaged):
        """Return (directory, names) of the generation that has bytecode for the names that are the same in both."""
        wanted = {pin.name: pin.version for pin in self.request.pins}
        for generation in [self.environment.current_id(), *reversed(self.environment.proved_ids())]:
            state = self.environment.state(generation) if generation else {}
            if state.get("python") == self.interpreter.real:
                packages = state.get("packages", {})
                same = {name for name, version in wanted.items() if packages.get(name) == version}
                return self.environment.path(generation), {ITSELF, *same} - set(damaged)
        return "", set()


def _discard(path):
    """Remove what was made of a generation, if anything. What stays goes with the next run; why it failed is said."""
    with contextlib.suppress(OSError):
        remove_tree(path)
