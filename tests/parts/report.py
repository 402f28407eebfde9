"""Rows of a test run: a command or more, its log in tests/output, a line for the eye, and a table at the end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
import traceback
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "tests" / "output"
TAIL = 60
INTERRUPT_S = 60
#: For rows that start Ansible over and over: bytecode is kept, beside the tree. Not for all rows: what our own code
#: does with bytecode must not depend on it.
KEPT_BYTECODE = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(ROOT / ".cache" / "bytecode")}


class Skip(Exception):
    """What a row lacks on this machine, said in one line."""


class Failed(Exception):
    """Ends a row: what went wrong, in one line. The log has the rest."""


@dataclass
class Row:
    name: str
    result: str
    seconds: float
    remark: str = ""


def environment():
    """What the tests run in (dict): no pyenv shims, which may be dead, and no setting that `./box` alone makes."""
    env = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", NO_COLOR="1")
    env["PATH"] = os.pathsep.join(part for part in env["PATH"].split(os.pathsep) if not part.endswith("/shims"))
    env.pop("ANSIBLE_CONFIG", None)
    return env


class Log:
    """The log of one row. Commands write to it; the terminal sees it only when the row fails.

    running: the processes that an interrupted run has to end, a set that all rows share.
    """

    def __init__(self, path, running):
        self.path = path
        self.running = running
        self.file = path.open("w", encoding="utf-8", errors="replace")

    def run(self, *command, cwd=ROOT, env=None, timeout=None, stdout=None):
        """Runs a command in a process group of its own.

        Raises Failed when it ends otherwise than with 0, or not within `timeout` seconds. Returns None; with
        `stdout=subprocess.PIPE`, what it wrote there (str).
        """
        command = [str(word) for word in command]
        self.file.write(f"+ {' '.join(command)}\n")
        self.file.flush()
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**environment(), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=stdout or self.file,
            stderr=self.file if stdout else subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.running.add(process)
        try:
            written, _none = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            raise Failed(f"{command[0]} was still running after {timeout} s") from None
        finally:
            self.running.discard(process)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if process.returncode:
            raise Failed(f"{' '.join(command[:3])} ended with {process.returncode}")
        return written

    def tail(self):
        """The last lines (str), without terminal colours."""
        self.file.flush()
        lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:]
        return "\n".join("    " + re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines)


class Report:
    """Collects rows. `row` is a context manager: what is raised in it becomes the row's result, and the run goes on."""

    def __init__(self, out=sys.stdout):
        self.rows = []
        self.out = out
        self.running = set()
        self.started = time.monotonic()
        self._lock = threading.Lock()

    def say(self, text):
        with self._lock:
            print(text, file=self.out, flush=True)

    def stop(self):
        """Ends what runs in rows of other threads: the run was interrupted. They have INTERRUPT_S to clean up."""
        running = list(self.running)
        for process in running:
            os.killpg(process.pid, signal.SIGINT)
        deadline = time.monotonic() + INTERRUPT_S
        for process in running:
            while process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.1)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)

    @contextmanager
    def row(self, name):
        OUTPUT.mkdir(parents=True, exist_ok=True)
        log = Log(OUTPUT / (re.sub(r"[^\w.-]+", "-", name) + ".log"), self.running)
        started = time.monotonic()
        result, remark = "passed", ""
        try:
            yield log
        except Skip as problem:
            result, remark = "skipped", str(problem)
        except KeyboardInterrupt:
            self.add(name, "failed", started, "interrupted")
            raise
        except Failed as problem:
            result, remark = "failed", str(problem)
        except Exception as problem:
            # A row that a test of ours broke in, not the thing tested: the others still run.
            traceback.print_exc(file=log.file)
            result, remark = "failed", f"{type(problem).__name__}: {problem}"
        finally:
            log.file.close()
        self.add(name, result, started, remark)
        if result == "failed":
            log_at = log.path.relative_to(ROOT)
            log.file = log.path.open("a", encoding="utf-8")
            self.say(f"{log.tail()}\n    the whole log: {log_at}")
            log.file.close()

    def add(self, name, result, started, remark=""):
        row = Row(name, result, time.monotonic() - started, remark)
        self.rows.append(row)
        self.say(f"{row.result:8}{row.seconds:6.0f} s  {row.name}" + (f": {row.remark}" if row.remark else ""))

    def finish(self, strict):
        """Prints the table and the closing line. Returns the exit status: 1 where a row failed, or, when `strict`,
        where one was skipped."""
        count = {result: sum(row.result == result for row in self.rows) for result in ("passed", "failed", "skipped")}
        width = max([len(row.name) for row in self.rows] + [4])
        self.say("")
        for row in self.rows:
            self.say(f"  {row.name:{width}}  {row.result:8}{row.seconds:6.0f} s  {row.remark}".rstrip())
        minutes, seconds = divmod(round(time.monotonic() - self.started), 60)
        closing = ", ".join(f"{number} {result}" for result, number in count.items())
        # The counts stand alone on the last line, where other programs look for them.
        self.say(f"\n{minutes} min {seconds} s\n{closing}")
        return int(bool(count["failed"] or (strict and count["skipped"])))
