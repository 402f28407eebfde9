# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run at a time on an environment.

The lock's file descriptor is inheritable and passed to uv: when the module is killed while uv still writes, the lock
stays taken until uv is done, so the next run finds a directory at rest.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time


class LockTimeoutError(Exception):
    """Another run did not end in time. The message names it."""


def is_held(path):
    """Return whether a run holds the lock now; False where there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


class RunLock:
    """A context manager over an flock. `descriptor` is to be passed to children."""

    def __init__(self, path, timeout, poll=0.2):
        """path: the lock's file; timeout: seconds to wait."""
        self.path = path
        self.timeout = timeout
        self.poll = poll
        self.descriptor = -1

    def __enter__(self):
        deadline = time.monotonic() + self.timeout
        self._take(deadline)
        while not self._is_in_place():
            # Another run removed the environment meanwhile; a lock on what is gone holds nobody off.
            os.close(self.descriptor)
            os.makedirs(os.path.dirname(self.path), exist_ok=True)
            self._take(deadline)
        me = {"pid": os.getpid(), "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
        # It is for messages only: on a full disk, going back must still be possible.
        with contextlib.suppress(OSError):
            os.ftruncate(self.descriptor, 0)
            os.pwrite(self.descriptor, json.dumps(me).encode(), 0)
        return self

    def __exit__(self, *_error):
        # Not by closing alone: a server that a source distribution's build left running has the descriptor too.
        fcntl.flock(self.descriptor, fcntl.LOCK_UN)
        os.close(self.descriptor)

    def _take(self, deadline):
        self.descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        os.set_inheritable(self.descriptor, True)
        while True:
            try:
                fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except OSError:
                if time.monotonic() >= deadline:
                    holder = self._holder()
                    os.close(self.descriptor)
                    raise LockTimeoutError(
                        f"{self.path} is held by {holder}; waited {self.timeout} s. "
                        f"Wait for that run to end, or raise lock_timeout"
                    ) from None
                time.sleep(self.poll)

    def _is_in_place(self):
        try:
            return os.path.samestat(os.stat(self.path), os.fstat(self.descriptor))
        except FileNotFoundError:
            return False

    def _holder(self):
        try:
            found = json.loads(os.pread(self.descriptor, 4096, 0) or b"{}")
            pid, since = int(found["pid"]), found["since"]
        except (ValueError, KeyError, TypeError):
            return "another run"
        if not os.path.isdir(f"/proc/{pid}"):
            return f"what process {pid} (ended) started at {since} and left running"
        return f"process {pid} since {since}"
