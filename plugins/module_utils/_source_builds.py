# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Source distributions are built apart, by an unprivileged user, with locked requirements; root installs wheels only.

A source distribution runs its own code when it is built. Here it can write nothing but a scratch directory, and what
comes out is a wheel that is kept and then held to its hash like any other.
"""

from __future__ import annotations

import glob
import hashlib
import os
import pwd
import re
import shutil
from urllib.parse import quote

from ._build import BuildError
from ._digest import sha256_hex
from ._foreign_files import foreign_files
from ._generations import write_whole
from ._indexes import by_index
from ._pins import Pin, normalize, requirements_text
from ._processes import end_all, has_home
from ._smoke_folder import BUILDING, KEEPING, PLACE, run_folder

_SHA256 = "sha256"  # beside a kept wheel: what it was when it was built
_NEEDED = re.compile(r"Wheels are required for `([^`]+)`")


def names_without_wheels(error):
    """Return the distributions (normalized names) that uv's words say have no wheel, or an empty set."""
    return {normalize(name) for name in _NEEDED.findall(error)}


class SourceBuilds:
    """Wheels built on this host, kept under <store>/<key>/<wheel> with their hash."""

    def __init__(self, uv, store, python, constraints="", user="nobody"):
        """uv: Uv; store: directory; python: interpreter; constraints: the build lock's text; user: who builds."""
        self.uv = uv
        self.store = store
        self.python = python
        self.constraints = constraints
        self.user = user

    def missing(self, pins):
        """Return those of the pins that have not been built yet."""
        return [pin for pin in pins if not self._kept(pin)]

    def pins(self, pins):
        """Return the pins with the address and hash of the wheel built from each. Raises BuildError."""
        for pin in pins:
            self._drop_damaged(pin)
        missing = self.missing(pins)
        for index, group in by_index(missing).items():
            self._build(group, index)
        return [self._as_wheel(pin) for pin in pins]

    def _folder(self, pin):
        """What decides a built wheel: the source's hashes, the interpreter and what builds it."""
        said = "\n".join([pin.requirement(), os.path.realpath(self.python), self.constraints])
        return os.path.join(self.store, hashlib.sha256(said.encode("utf-8")).hexdigest()[:32])

    def _kept(self, pin):
        found = glob.glob(os.path.join(glob.escape(self._folder(pin)), "*.whl"))
        return found[0] if found else ""

    def _drop_damaged(self, pin):
        """Remove a kept wheel that is not what was built, so that it is built anew."""
        path = self._kept(pin)
        if not path:
            return
        try:
            with open(os.path.join(os.path.dirname(path), _SHA256), encoding="ascii") as stream:
                whole = stream.read().strip() == sha256_hex(path)
        except (OSError, ValueError):
            whole = False
        if not whole:
            shutil.rmtree(os.path.dirname(path))

    def _as_wheel(self, pin):
        path = self._kept(pin)
        if not path:
            return pin
        return Pin(pin.name, pin.version, (f"sha256:{sha256_hex(path)}",), "file://" + quote(path), pin.source)

    def _build(self, pins, index=""):
        if index and not self.constraints:
            raise BuildError(
                f"{pins[0].source}: {pins[0].name}: {index} has it only as source. Name with the option build_lock "
                f"what "
                f"builds it, with hashes: without them that index could serve anything for it"
            )
        with run_folder(PLACE, BUILDING) as folder:
            # One within: that outside stays root's, which is how a later run knows what a killed one left.
            scratch = os.path.join(folder, "build")
            os.mkdir(scratch, 0o700)
            constraints = self._prepare(scratch, pins)
            arguments = ["pip", "install", "--no-deps", "--require-hashes", "--python", self.python]
            if self.uv.wheelhouse:
                files = os.path.join(scratch, "wheelhouse")
                self.uv.wheelhouse.lend(files, pins, self.constraints)
                arguments += ["--offline", *self.uv.wheelhouse.arguments(files)]
            arguments += [
                "--target",
                os.path.join(scratch, "target"),
                "--requirements",
                os.path.join(scratch, "lock.txt"),
            ]
            if constraints:
                # What is not in the build lock is refused; a constraint alone would only bind what it names.
                arguments += ["--build-constraints", constraints, "--require-build-hashes"]
            environ = {"HOME": scratch, "TMPDIR": scratch, "UV_CACHE_DIR": os.path.join(scratch, "cache")}
            if index:
                # Asked first, so the source is from there. What builds it may be on either: its hashes decide.
                environ["UV_INDEX"] = index
            try:
                status, _out, err = self.uv.run(*arguments, prefix=self._drop(scratch), environ=environ, phase="build")
            finally:
                # A compiler's server, say, that would go on in a directory that is being removed.
                end_all(lambda pid: has_home(pid, scratch))
            if status:
                raise BuildError(err)
            self._keep(scratch, pins)

    def _prepare(self, scratch, pins):
        with open(os.path.join(scratch, "lock.txt"), "w", encoding="utf-8") as stream:
            stream.write(requirements_text(pins))
        if not self.constraints:
            return ""
        path = os.path.join(scratch, "build.txt")
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(self.constraints)
        return path

    def _drop(self, scratch):
        """Return the command that becomes the unprivileged user, to whom the scratch directory is given."""
        if os.geteuid():
            return []
        try:
            owner = pwd.getpwnam(self.user)
        except KeyError:
            raise BuildError(f"user {self.user}, who builds source distributions, is not on this host") from None
        for path, _folders, files in os.walk(scratch):
            for name in ["", *files]:
                os.chown(os.path.join(path, name), owner.pw_uid, owner.pw_gid)
        groups = ["--clear-groups", "--no-new-privs"]
        return ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", *groups, "--"]

    def _keep(self, scratch, pins):
        """Take the wheels out of uv's cache, which keeps each beside its source (seen with the uv that is pinned)."""
        # One that is missing in the end has a wheel after all, which is then installed as any other.
        wanted = {pin.name: pin for pin in pins}
        # From above: a wheel lies beside its source, and what lies in the source is not what was built.
        for files, opened in foreign_files(scratch, ("cache", "sdists-v*")):
            for file in files:
                pin = wanted.get(normalize(file.split("-")[0])) if file.endswith(".whl") else None
                if pin:
                    self._keep_one(pin, file, opened)
                    del wanted[pin.name]

    def _keep_one(self, pin, file, opened):
        os.makedirs(self.store, mode=0o755, exist_ok=True)
        try:
            descriptor = opened(file)
        except OSError as error:
            raise BuildError(
                f"{pin.source}: {pin.name}: its build left something else in the place of a wheel: {error}"
            ) from error
        with os.fdopen(descriptor, "rb") as wheel, run_folder(self.store, KEEPING) as making:
            whole = os.path.join(making, "whole")
            os.mkdir(whole, 0o755)
            _copy(wheel, os.path.join(whole, file))
            if not self._kept(pin):
                folder = self._folder(pin)
                if os.path.isdir(folder):
                    # Somebody took the wheel out of it.
                    shutil.rmtree(folder)
                os.rename(whole, folder)


def _copy(wheel, target):
    """Copy an open file, record its hash, and bring both to disk: what is kept is there also after a crash."""
    with open(target, "xb") as kept:
        shutil.copyfileobj(wheel, kept)
        kept.flush()
        os.fsync(kept.fileno())
    write_whole(os.path.join(os.path.dirname(target), _SHA256), sha256_hex(target) + "\n")
