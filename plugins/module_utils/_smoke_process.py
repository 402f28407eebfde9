# Copyright: (c) 2026, the ML in a Box contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process of one smoke check, from its start to the end of all of its descendants.

It is started from the only thread there is, because between fork and exec we run Python, which is safe only where no
other thread may hold a lock.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time

from ._processes import PAUSE, end_all, has_home
from ._smoke_confine import confinement
from ._smoke_ending import exit_code, problem

POLL = PAUSE  # seconds between looks at the running checks
_PATIENCE = 10  # seconds that a killed process gets to end: more than that it hangs in the kernel (state D)


class Running:
    """A check's process, from its start to the end of all of its descendants."""

    def __init__(self, python, check, home, owner, variables, network, confine=None):
        """confine: what the process does before it starts, in the place of the usual confinement."""
        self.home = home
        self.check = check
        self.python = python
        self.started = time.monotonic()
        self.process = None
        self.network_namespace = None
        self.problem = ""
        # Beside the home, not in it: the script is not the check's to change, nor what it said on stderr.
        script = f"{home}.py"
        with open(script, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(check.script)
        confine = confine or confinement(None if os.geteuid() else owner, network)
        try:
            with open(f"{home}.err", "wb") as errors:
                self.process = subprocess.Popen(
                    [python, "-I", "-B", script],
                    cwd=home,
                    env=variables,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    start_new_session=True,
                    preexec_fn=confine,  # one thread only, see the head of this file
                )
        except (OSError, subprocess.SubprocessError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            self.problem = f"{python} does not start as {variables['USER']}: {why}"
            return
        if not network:
            # Popen returns after the exec, so this is the namespace that all its descendants share.
            with contextlib.suppress(OSError):  # it may have ended already
                # Held open: a namespace that ended would leave its number to that of the check that starts next.
                self.network_namespace = os.open(f"/proc/{self.process.pid}/ns/net", os.O_RDONLY)

    def poll(self):
        """None while it runs, else (problem, peak memory in MiB, seconds); problem is empty where it works."""
        if self.process is None:
            return self.problem, 0, self._seconds()
        seconds = self._seconds()
        # Looked at, not yet reaped: until its descendants are gone nobody else shall get its process id.
        if os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG):
            peak_memory = self.kill()
            return problem(self.process.returncode, f"{self.home}.err"), peak_memory, seconds
        if seconds > self.check.timeout:
            peak_memory = self.kill()
            stuck = "" if self.process.returncode is not None else ", and it cannot be killed: it hangs in the kernel"
            return f"no answer within {self.check.timeout} s{stuck}", peak_memory, seconds
        return None

    def kill(self):
        """Kills what is left of the process and its descendants, reaps it, returns its peak memory in MiB.

        A process that hangs in the kernel, as in a broken GPU's driver, is left behind; returncode stays None.
        """
        if self.process is None:
            return 0
        self._kill_descendants()
        patience, pid, usage = time.monotonic() + _PATIENCE, 0, None
        while not pid and time.monotonic() < patience:
            # Not Popen.wait: wait4 alone tells the peak memory of this very process and of its children.
            pid, status, usage = os.wait4(self.process.pid, os.WNOHANG)
            if pid:
                self.process.returncode = exit_code(status)
            else:
                time.sleep(POLL)
        if self.network_namespace is not None:
            os.close(self.network_namespace)
        return usage.ru_maxrss // 1024 if pid else 0

    def _kill_descendants(self):
        """Its process group, and those that began a session of their own, known by its namespace and its home."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        end_all(self._is_ours)

    def _is_ours(self, pid):
        if int(pid) == self.process.pid:
            return False
        if self.network_namespace is not None and os.path.samestat(
            os.stat(f"/proc/{pid}/ns/net"), os.fstat(self.network_namespace)
        ):
            return True
        return has_home(pid, self.home)

    def _seconds(self):
        return round(time.monotonic() - self.started, 2)
