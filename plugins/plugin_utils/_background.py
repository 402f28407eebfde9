# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module runs in the background of its host, and how far it is is asked for and told until it is done."""

from __future__ import annotations

import contextlib
import os
import shlex
import time

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.connection import ConnectionBase

from ._progress_lines import line

#: Seconds after which Ansible's watcher kills the job. A build that takes a day is stuck.
LIMIT = 86400
#: Seconds without an answer after which the controller gives up. The job goes on.
PATIENCE = 300.0
_MOMENT = 1.5


class NotStartedError(Exception):
    """The job could not be started in the background; nothing runs."""


class Background:
    """One job on one host, for an action plugin."""

    def __init__(self, action, who, place, lines, task_vars, monotonic=time.monotonic, sleep=time.sleep):
        """action: ActionBase; who: host and environment, for the lines; place: {name, root} of the environment.

        lines: PlainLines or InPlace.
        """
        self._action, self._who, self._place, self._lines = action, who, place, lines
        self._task_vars = task_vars
        self._monotonic, self._sleep = monotonic, sleep
        self._answered = self._began = monotonic()

    def run(self, module_name, module_args):
        """Run the module. Returns its result. Raises NotStartedError, or AnsibleConnectionFailure where it is lost."""
        job = self._start(module_name, module_args)
        self._answered = self._began = self._monotonic()
        try:
            return self._result(job, self._follow(job["results_file"]))
        finally:
            self._lines.end()

    def _start(self, module_name, module_args):
        task, keep = self._action._task, self._action._cleanup_remote_tmp
        before, task.async_val = task.async_val, LIMIT
        try:
            started = self._execute(module_name, module_args, wrap_async=True)
        finally:
            task.async_val = before
            # The job removes its own directory; those of what follows are ours to remove.
            self._action._cleanup_remote_tmp = keep
        if not (started.get("ansible_job_id") and started.get("results_file")):
            raise NotStartedError(started.get("msg") or "no job")
        return started

    def _follow(self, results_file):
        """Ask and tell until the job is no longer running. Returns `finished` or `gone`."""
        phase, wait = "", self._lines.every
        while True:
            # The host waits before it answers, so the end is known at once and few questions are asked.
            question = {**self._place, "job": results_file, "wait": wait, "phase": phase}
            answer = self._ask("mlinabox.core.pip_lock_progress", question, "job")
            if answer["job"] != "running":
                return answer["job"]
            told, now = answer.get("progress") or {}, self._monotonic()
            phase = told.get("phase", "")
            seconds = answer["seconds"] if told else now - self._began
            wait = self._lines.every
            if phase in ("", "download", "build") and not told.get("text") and seconds < self._lines.every:
                # It has only just begun, and will have more to say in a moment, or be over.
                wait = min(_MOMENT, wait)
                continue
            self._lines.tell(line(self._who, told, seconds, answer.get("other")), phase, now)

    def _ask(self, module_name, module_args, wanted):
        """Return a module's answer, the first that has the key `wanted`. Asks again as long as there is patience."""
        pause = 1.0
        while True:
            try:
                answer = self._execute(module_name, module_args)
                if answer.get(wanted):
                    self._answered = self._monotonic()
                    return answer
                said = str(answer.get("msg") or answer.get("module_stderr") or "no answer")
            except AnsibleError as error:
                # No connection, or no room for the question on a disk that the build is filling.
                said = str(error)
            self._wait(" ".join(said.split())[:200], pause)
            pause = min(pause * 2, 15.0)

    def _execute(self, module_name, module_args, **more):
        return self._action._execute_module(
            module_name=module_name, module_args=module_args, task_vars=self._task_vars, **more
        )

    def _wait(self, said, pause):
        """Pass the time until the next try, or raise where there have been enough."""
        now = self._monotonic()
        silent = now - self._answered
        if silent >= PATIENCE:
            raise AnsibleConnectionFailure(
                f"{self._who}: no answer from the host for {silent:.0f} s ({said}). The build goes on there by itself. "
                f"Run again when the host answers: the next run waits for it and takes what it made"
            )
        self._lines.tell(f"{self._who}: no answer for {silent:.0f} s ({said}); the build goes on there", "silent", now)
        connection = self._action._connection
        # A connection that is kept open may be the very thing that is dead. Not all can be begun anew.
        if type(connection).reset is not ConnectionBase.reset:
            with contextlib.suppress(AnsibleError):
                connection.reset()
        self._sleep(pause)

    def _result(self, job, state):
        """Fetch the job's result and have it removed from the host."""
        question = {"jid": job["ansible_job_id"], "_async_dir": os.path.dirname(job["results_file"])}
        result = {}
        if state == "finished":
            result = self._ask("ansible.legacy.async_status", {**question, "mode": "status"}, "_ansible_parsed")
            for key in ("ansible_job_id", "finished", "started", "results_file"):
                result.pop(key, None)
        # async_wrapper's own words where the module said nothing, or nothing whole: `data` is what it said.
        if not result or ("invocation" not in result and ("data" in result or "child_pid" in result)):
            said = " ".join(str(result.get("stderr") or "").split())[-300:]
            result = {
                "failed": True,
                "changed": False,
                "msg": f"{self._who}: the build ended on the host without a result{f' ({said})' if said else ''}: it "
                f"was killed (out of memory?), the host was rebooted, or its disk is full. Nothing unproved is live. "
                f"Run again",
            }
        with contextlib.suppress(AnsibleError):
            # As async_status with mode=cleanup does, but without the start of another Python on the host.
            self._action._low_level_execute_command(f"rm -f {shlex.quote(job['results_file'])}")
        return result
