# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asking what may never answer: in a process of its own, with a deadline and a bound on what it says.

A call into NVIDIA's driver, or a program that makes one, may hang, and hang in the kernel, where not even SIGKILL ends
it (state D). So it is asked in a child, which is killed at its deadline and left behind when that does not end it. What
is left behind must not hold up the caller's own end: it holds none of the caller's files.
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import subprocess
import time

OK, FAILED, TIMEOUT, SKIPPED = "ok", "failed", "timeout", "skipped"
MOST_SAID = 8 * 1024 * 1024  # bytes; `nvidia-smi -q -x` says about 25 KB for a GPU
_PATIENCE = 0.3  # seconds that a killed process gets to end
_PAUSE = 0.01  # seconds between looks at a process whose pipe does not tell its end
_KILLED = -int(signal.SIGKILL)


class Outcome:
    """How it went.

    status: `ok` (it ended with 0), `failed`, `timeout` or `skipped`; detail: why not ok, for people; code: the exit
    status, negative for a signal, None where there is none; said: bytes, what it said until its end; seconds: how
    long it took.
    """

    def __init__(self, status, detail="", code=None):
        self.status = status
        self.detail = detail
        self.code = code
        self.said = b""
        self.seconds = 0.0

    @property
    def text(self):
        """What it said, as text; what is not UTF-8 is replaced."""
        return self.said.decode("utf-8", "replace")


class Job:
    """A child process that is being asked; `outcome` is None as long as it is, then an Outcome."""

    def __init__(self, name, timeout, limit):
        self.name = name
        self.outcome = None
        self.process = None
        self.pipe = None
        self._timeout = timeout
        self._limit = limit
        self._said = []
        self._size = 0
        self._started = time.monotonic()
        self.deadline = self._started + timeout

    def look(self):
        """Take what it says, and see whether it has ended or has to be."""
        if self.outcome:
            return
        if not self._read():
            self._stop(FAILED, f"{self.name} says more than {self._limit} bytes")
        elif self.process.has_ended():
            # What it started and left is of no use, and may hang like itself.
            code = self._reap()
            self._read()
            why = _words(self.name, code)
            self.end(Outcome(FAILED if why else OK, why, code))
        elif time.monotonic() >= self.deadline:
            self._stop(TIMEOUT, f"{self.name} did not answer within {self._timeout:g} s")

    def end(self, outcome):
        """It has ended, or could not be asked at all."""
        outcome.said = b"".join(self._said)
        outcome.seconds = round(time.monotonic() - self._started, 3)
        self._close()
        self.outcome = outcome

    def _reap(self):
        """Kill its group, while its number is still its own, and take its exit status."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        return self.process.reap()

    def stop(self, why):
        """End it, because its answer is not needed any more; its outcome's status is `skipped`."""
        self._stop(SKIPPED, why)

    def _stop(self, status, why):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        patience = time.monotonic() + _PATIENCE
        while not self.process.has_ended() and time.monotonic() < patience:
            time.sleep(_PAUSE)
        if self.process.has_ended():
            self.process.reap()
        else:
            why += ", and cannot be killed: it hangs in the kernel"
            self.process.leave()
        self._read()
        self.end(Outcome(status, why))

    def _read(self):
        """Take what there is to read; False where that is more than it may say."""
        while self.pipe is not None:
            try:
                some = os.read(self.pipe, 65536)
            except BlockingIOError:
                break
            if not some:
                self._close()
                break
            self._size += len(some)
            if self._size > self._limit:
                return False
            self._said.append(some)
        return True

    def _close(self):
        if self.pipe is not None:
            os.close(self.pipe)
            self.pipe = None


class _Forked:
    """A child that is a copy of this process."""

    def __init__(self, pid):
        self.pid = pid

    def has_ended(self):
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
        except ChildProcessError:
            # The caller lets the kernel reap its children, and this one is gone.
            return True

    def reap(self):
        """Return its exit status, negative for a signal."""
        try:
            status = os.waitpid(self.pid, 0)[1]
        except ChildProcessError:
            return 0  # how it ended nobody can say any more
        return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)

    def leave(self):
        """It will be reaped by whoever outlives us."""


class _Started(_Forked):
    """A child that is another program."""

    def __init__(self, popen):
        super().__init__(popen.pid)
        self._popen = popen

    def reap(self):
        return self._popen.wait()

    def leave(self):
        self._popen.returncode = _KILLED  # else Python waits for it when it next starts a process, and warns


def start_call(name, function, timeout, limit=MOST_SAID):
    """Return a Job in which a forked process calls function(say), where say(bytes) is how it answers.

    That process has no file open but /dev/null and the pipe. Only a caller with one thread may do this. timeout: in
    seconds.
    """
    job = Job(name, timeout, limit)
    try:
        job.pipe, answer = os.pipe()
    except OSError as error:
        job.end(Outcome(FAILED, f"no pipe for {name}: {error.strerror}"))
        return job
    os.set_blocking(job.pipe, False)
    try:
        pid = os.fork()
    except OSError as error:
        os.close(answer)
        job.end(Outcome(FAILED, f"no process for {name}: {error.strerror}"))
        return job
    if not pid:
        _be_child(function, answer, timeout)
    os.close(answer)
    job.process = _Forked(pid)
    return job


def _be_child(function, answer, timeout):
    status = 1
    try:
        os.setsid()
        # Where the caller is killed nobody else keeps the deadline.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(int(timeout) + 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        null = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(null, number)
        for number in [int(name) for name in os.listdir("/proc/self/fd")]:
            if number > 2 and number != answer:
                with contextlib.suppress(OSError):  # that of the list itself
                    os.close(number)
        function(lambda said: _write_all(answer, said))
        status = 0
    finally:
        # Not sys.exit: nothing of what the parent does at its end is to be done here.
        os._exit(status)


def _write_all(number, said):
    while said:
        said = said[os.write(number, said) :]


def start_program(name, arguments, timeout, limit=MOST_SAID, environment=None):
    """Return a Job that runs a program; its stdout and stderr are one, in English.

    arguments: the program's path and its arguments; timeout: seconds; limit: bytes; environment: variables besides PATH
    and LC_ALL.
    """
    job = Job(name, timeout, limit)
    variables = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    variables.update(environment or {})
    try:
        job.pipe, answer = os.pipe()
    except OSError as error:
        job.end(Outcome(FAILED, f"no pipe for {name}: {error.strerror}"))
        return job
    os.set_blocking(job.pipe, False)
    try:
        popen = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=answer,
            stderr=answer,
            cwd="/",
            env=variables,
            start_new_session=True,
        )
        job.process = _Started(popen)
    except (OSError, ValueError) as error:
        job.end(Outcome(FAILED, f"{name} does not start: {getattr(error, 'strerror', None) or error}"))
    finally:
        os.close(answer)
    return job


def wait(jobs, until=None):
    """Look at the jobs until all have ended, or until the monotonic time `until`. Returns whether all have."""
    while True:
        for job in jobs:
            job.look()
        asked = [job for job in jobs if not job.outcome]
        now = time.monotonic()
        if not asked or (until is not None and now >= until):
            return not asked
        ends = [job.deadline for job in asked] + ([] if until is None else [until])
        rest = max(0.0, min(ends) - now)
        pipes = [job.pipe for job in asked if job.pipe is not None]
        # The end of a process shows at its pipe, unless it closed that, or a child of its own still holds it.
        select.select(pipes, [], [], min(rest, 0.1 if len(pipes) == len(asked) else _PAUSE))


def run(name, arguments, timeout, limit=MOST_SAID, environment=None):
    """Run one program to its end or its deadline, and return its Outcome."""
    job = start_program(name, arguments, timeout, limit, environment)
    wait([job])
    return job.outcome


def _words(name, code):
    if not code:
        return ""
    if code > 0:
        return f"{name} ended with {code}"
    try:
        return f"{name} was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"{name} was ended by signal {-code}"
