# Copyright: (c) 2026, the ML in a Box contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A folder for one run of something, which ends with it or, if it was killed, with a later one."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
import time

#: Where they are made, and what their names begin with: smoke checks, builds, and wheels on their way to the kept ones.
PLACE = "/var/tmp"
SMOKE, BUILDING, KEEPING = "mlinabox-smoke-", "mlinabox-build-", ".making-"
_STALE_AFTER = 600  # seconds; older ones whose lock is free belong to a run that was killed


@contextlib.contextmanager
def run_folder(base, prefix=SMOKE):
    """A folder for one run, locked while it lasts and removed at its end; removes those of runs that were killed.

    base: the directory that it is made in; prefix: what its name begins with, the same for all of a kind.
    """
    remove_stale(base, prefix)
    # Short: names of sockets below it must stay within 107 characters.
    folder = tempfile.mkdtemp(prefix=prefix, dir=base)
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.chmod(folder, 0o711)
        yield folder
    finally:
        clear(folder)
        os.close(lock)


def remove_stale(base, prefix=SMOKE):
    """Removes from base the folders of our user's runs that were killed."""
    for name in entries(base):
        path = os.path.join(base, name)
        with contextlib.suppress(OSError):  # another run may remove it too
            info = os.lstat(path)
            mine = name.startswith(prefix) and stat.S_ISDIR(info.st_mode) and info.st_uid == os.geteuid()
            if not mine or time.time() - info.st_mtime < _STALE_AFTER:
                continue
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                clear(path)
            finally:
                os.close(lock)


def clear(folder):
    """Removes a folder in which somebody else may still write; its own place is to be the caller's.

    What cannot be removed is left to a later run.
    """
    if os.geteuid():
        shutil.rmtree(folder, onerror=_make_writable)
        return
    # Root may remove anything, so only what is still being written fails. Begun again from above, where nobody else can
    # put a link: by the path of what failed, root would change whatever that leads to by then.
    for _attempt in range(5):
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.lexists(folder):
            return
        time.sleep(0.1)


def _make_writable(function, path, _info):
    """Called by rmtree where it cannot remove: a check may have left a folder that not even its owner may change."""
    if not os.path.lexists(path):
        return  # it vanished by itself
    os.chmod(os.path.dirname(path), 0o700)
    if os.path.isdir(path) and not os.path.islink(path):
        os.chmod(path, 0o700)
        shutil.rmtree(path)
    else:
        os.unlink(path)


def entries(folder):
    """The sorted names in a folder, none where it cannot be read."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
