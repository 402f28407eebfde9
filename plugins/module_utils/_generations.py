# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Generations: environments side by side under one name, of which the link `current` names the live one.

<root>/envs/<name>/<generation>/              a virtual environment, never changed once it has been proved
<root>/envs/<name>/<generation>/.mlinabox/    state.json (written last, when proved), files.txt, use.lock
<root>/envs/<name>/current                    a symbolic link to the live one
<root>/envs/<name>/launch                     the launcher: the one reader of `current`
<root>/envs/<name>/overlays/                  people's environments over a generation keep it
"""

from __future__ import annotations

import calendar
import ctypes
import errno
import fcntl
import glob
import json
import os
import re
import shutil
import subprocess
import time
from contextlib import contextmanager

from ._parallel import processors
from ._progress import FILE as PROGRESS
from ._progress import read_progress

STATE = os.path.join(".mlinabox", "state.json")
CONDEMNED = os.path.join(".mlinabox", "condemned")
USE_LOCK = os.path.join(".mlinabox", "use.lock")
_STAMP = "%Y%m%dT%H%M%SZ"
_ID = re.compile(r"^\d{8}T\d{6}Z-[0-9a-f]{8}$")
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")


class InUseError(Exception):
    """A generation that somebody still runs from."""


class Environment:
    """The generations of one name on this host."""

    def __init__(self, root, name):
        """root: absolute path without a quote; name: letters, digits, `_`, `.`, `-`. Raises ValueError for others."""
        if not os.path.isabs(root):
            raise ValueError(f"root must be an absolute path, not {root!r}")
        if "'" in root or "\n" in root:
            # It stands quoted in the launcher, a shell script.
            raise ValueError(f"root must have no single quote and no line break, not {root!r}")
        if not _NAME.fullmatch(name):
            raise ValueError(f"an environment's name is letters, digits, '_', '.' and '-', not {name!r}")
        self.root = root
        self.name = name
        self.directory = os.path.join(root, "envs", name)
        self.link = os.path.join(self.directory, "current")
        self.overlays = os.path.join(self.directory, "overlays")

    def path(self, generation):
        """Return the directory of a generation."""
        return os.path.join(self.directory, generation)

    def new_id(self, digest, now=None):
        """Return an identifier that sorts after all that are there: seconds of UTC, and the lock's digest."""
        moment = int(time.time() if now is None else now)
        taken = self.all_ids()
        if taken:
            # A clock that was set back must not make the new generation older than those that are there.
            moment = max(moment, calendar.timegm(time.strptime(taken[-1][:16], _STAMP)) + 1)
        return time.strftime(_STAMP, time.gmtime(moment)) + "-" + digest[:8]

    def all_ids(self):
        """Return all generations' identifiers, finished or not, oldest first."""
        try:
            names = os.listdir(self.directory)
        except FileNotFoundError:
            return []
        return sorted(name for name in names if _ID.fullmatch(name))

    def proved_ids(self):
        """Return those that were proved and not condemned since, oldest first."""
        return [name for name in self.all_ids() if self._is_proved(name) and not self.condemned(name)]

    def _is_proved(self, generation):
        return os.path.isfile(os.path.join(self.path(generation), STATE))

    def condemn(self, generation, why):
        """Record that a generation is no longer what was proved: nobody goes back to it, and it is removed when unused.

        why: a line for people.
        """
        # Without its records it is nobody's way back as it is.
        if self._is_proved(generation):
            write_whole(os.path.join(self.path(generation), CONDEMNED), why + "\n")

    def condemned(self, generation):
        """Return why a generation is no longer what was proved, '' where it is."""
        try:
            with open(os.path.join(self.path(generation), CONDEMNED), encoding="utf-8") as stream:
                return stream.read().strip() or "condemned"
        except FileNotFoundError:
            return ""

    def current_id(self):
        """Return the live generation's identifier, or '' where none is live."""
        try:
            name = os.path.basename(os.readlink(self.link))
        except OSError:
            return ""
        return name if _ID.fullmatch(name) and os.path.isdir(self.path(name)) else ""

    def previous_id(self):
        """Return the newest proved generation older than the live one, or ''."""
        current = self.current_id()
        older = [name for name in self.proved_ids() if name < current]
        return older[-1] if older else ""

    def state(self, generation):
        """Return what is recorded of a generation, {} where it is not proved or not readable."""
        try:
            with open(os.path.join(self.path(generation), STATE), encoding="utf-8") as stream:
                found = json.load(stream)
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def write_state(self, generation, state):
        """Record a generation as proved, when all of it is on disk.

        The record's presence is the proof, so it appears whole or not at all, and never before what it is about: a
        crash could otherwise leave a record of files that were not written.
        """
        _syncfs(self.path(generation))
        write_whole(os.path.join(self.path(generation), STATE), json.dumps(state, indent=1, sort_keys=True) + "\n")

    def switch(self, generation):
        """Make a proved generation the live one: one rename."""
        temporary = self.link + ".new"
        if os.path.lexists(temporary):
            os.unlink(temporary)
        os.symlink(generation, temporary)
        os.rename(temporary, self.link)
        sync_directory(self.directory)

    def users_of(self, generation):
        """Return who keeps a generation: paths of overlays over it that exist."""
        found = []
        try:
            names = sorted(os.listdir(self.overlays))
        except OSError:
            return found
        for name in names:
            if name.split("@", 1)[0] != generation:
                continue
            # Read, never followed: the kernel denies even root to follow a person's link in a sticky directory
            # (fs.protected_symlinks), and "denied" would look like "gone".
            try:
                overlay = os.readlink(os.path.join(self.overlays, name))
            except OSError:
                continue
            if os.path.isabs(overlay) and os.path.isfile(os.path.join(overlay, "pyvenv.cfg")):
                found.append(overlay)
        return found

    def remove(self, generation):
        """Remove a generation that nobody uses. Raises InUseError; never removes the live one.

        The directory is renamed first, so that a removal cut short leaves nothing that looks like an environment.
        """
        if generation == self.current_id():
            raise InUseError(f"{generation} is the live one")
        doomed = os.path.join(self.directory, ".removing-" + generation)
        with self.unused(generation):
            os.rename(self.path(generation), doomed)
        remove_tree(doomed)

    @contextmanager
    def unused(self, generation):
        """Hold off who would begin to use a generation. Raises InUseError where somebody does."""
        with _unused(os.path.join(self.path(generation), USE_LOCK), generation):
            # Under the lock: who makes an overlay registers it while holding the shared one.
            users = self.users_of(generation)
            if users:
                raise InUseError(f"{generation} lies under {', '.join(users)}")
            yield

    def _is_used(self, generation):
        try:
            with self.unused(generation):
                return False
        except InUseError:
            return True

    def leftovers(self):
        """Return the names of what a run that was cut short left behind, or what one that goes on is making."""
        try:
            names = sorted(os.listdir(self.directory))
        except FileNotFoundError:
            return []
        current = self.current_id()
        return [
            name
            for name in names
            if name.startswith(".removing-")
            or name.endswith(".new")
            or (name == PROGRESS and not read_progress(self.path(name)))
            or (_ID.fullmatch(name) and name != current and not self._is_proved(name) and not self._is_used(name))
        ]

    def clean(self):
        """Remove what a run that was cut short left behind; the run lock is to be held. Returns the names."""
        names = self.leftovers()
        for name in names:
            path = self.path(name)
            if os.path.isdir(path) and not os.path.islink(path):
                remove_tree(path)
            else:
                os.unlink(path)
        return names

    def prune(self, keep):
        """Remove the generations that nobody can go back to and the oldest beyond `keep` (the live one counts).

        Returns (names of the removed, {name of one kept because it is used: why}).
        """
        removed, used = [], {}
        current = self.current_id()
        others = [name for name in self.proved_ids() if name != current]
        # Condemned, or live until now without a record of its proof.
        unfit = [name for name in self.all_ids() if name != current and name not in others]
        for name in [*unfit, *others[: max(0, len(others) - max(0, keep - 1))]]:
            try:
                self.remove(name)
                removed.append(name)
            except InUseError as error:
                used[name] = str(error)
        return removed, used


def remove_tree(path):
    """Remove a generation's directory, on all processors: it has ten thousands of files. Raises OSError."""
    parts = glob.glob(os.path.join(glob.escape(path), "lib", "python*", "site-packages", "*", ""))
    count = processors()
    removing = [
        # Many times as fast as Python is at it.
        subprocess.Popen(["rm", "-rf", "--", *share], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for share in (parts[start::count] for start in range(count))
        if share
    ]
    for process in removing:
        process.wait()
    # The rest, and what could not be removed: then this says why.
    shutil.rmtree(path)


def write_soon(path, text, mode=0o644):
    """Write a file of a generation in the making, which is brought to disk as a whole. It gets an inode of its own."""
    write_whole(path, text, mode, durable=False)


def write_whole(path, text, mode=0o644, durable=True):
    """Write a file so that a reader or (where durable) a crash finds the old text or the new one, never half of it."""
    temporary = f"{path}.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fchmod(stream.fileno(), mode)
        if durable:
            os.fsync(stream.fileno())
    os.rename(temporary, path)
    if durable:
        sync_directory(os.path.dirname(path))


def sync_directory(path):
    """Bring a directory's entries to disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _syncfs(path):
    """Bring the whole file system under path to disk: a rename may otherwise survive a crash that its files do not."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if not hasattr(libc, "syncfs") or libc.syncfs(descriptor) != 0:
            os.sync()
    finally:
        os.close(descriptor)


@contextmanager
def _unused(lock_path, generation):
    """Hold the exclusive lock that a launcher's shared one excludes. Raises InUseError."""
    try:
        descriptor = os.open(lock_path, os.O_RDONLY)
    except FileNotFoundError:
        yield
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EAGAIN):
            raise InUseError(f"{generation} has programs running from it") from error
        raise
    finally:
        os.close(descriptor)
