# Copyright: (c) 2026, the ML in a Box contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ends a smoke check, with all that it started and left behind."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _smoke, _smoke_process
from ansible_collections.mlinabox.core.plugins.module_utils._smoke import run_checks
from ansible_collections.mlinabox.core.plugins.module_utils._smoke_folder import clear, remove_stale, run_folder
from ansible_collections.mlinabox.core.tests.unit.plugins.module_utils.smoke import PYTHON, alive, check, wait_until

FAMILY = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(300)", "{mark}"])
    os._exit(0)
os.system("sleep 300 & :")
time.sleep({seconds})
"""


@pytest.mark.parametrize(("seconds", "message"), [(300, "no answer within 1 s"), (0.4, "")])
def test_descendants_end_with_it_even_in_sessions_of_their_own(seconds, message, scratch):
    mark = f"smoke-family-{os.getpid()}-{seconds}"
    script = FAMILY.format(mark=mark, seconds=seconds)
    (outcome,) = run_checks(PYTHON, [check(script, timeout=1)], scratch=scratch)
    assert outcome.message == message
    assert alive(mark) == []


def test_one_that_not_even_a_kill_ends_is_left_behind(scratch, monkeypatch):
    """As in state D, where the kernel waits for a device: nobody can make that happen, so what it answers is ours."""
    monkeypatch.setattr(_smoke_process.os, "wait4", lambda pid, options: (0, 0, None))
    monkeypatch.setattr(_smoke_process, "_PATIENCE", 0.2)
    mark = f"smoke-stuck-{os.getpid()}"
    (outcome,) = run_checks(PYTHON, [check(FAMILY.format(mark=mark, seconds=300), timeout=1)], scratch=scratch)
    monkeypatch.undo()
    assert outcome.message == "no answer within 1 s, and it cannot be killed: it hangs in the kernel"
    assert outcome.peak_memory == 0


def test_the_end_of_one_is_not_the_end_of_the_next(scratch):
    """The kernel gives a namespace's number again as soon as it is free; the cleaning up must not be fooled by it."""
    results = run_checks(PYTHON, [check("import time\ntime.sleep(0.05)")] * 40, scratch=scratch, jobs=8)
    assert {outcome.message for outcome in results} == {""}


def test_an_interrupt_ends_them_and_removes_their_homes(scratch, monkeypatch):
    mark = f"smoke-interrupt-{os.getpid()}"

    def interrupt(_seconds):
        if alive(mark):
            monkeypatch.undo()
            raise KeyboardInterrupt

    monkeypatch.setattr(_smoke.time, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_checks(PYTHON, [check(FAMILY.format(mark=mark, seconds=300))], scratch=scratch)
    assert alive(mark) == []


RUNNER = """
import sys, types
sys.modules["utils"] = utils = types.ModuleType("utils")
utils.__path__ = [sys.argv[1]]
from utils._smoke import run_checks
from utils._smoke_check import Check
script = "import os, sys\\nos.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(300)', %r])"
run_checks(sys.executable, [Check("a", script % (sys.argv[3] + "!"), "a")], scratch=sys.argv[2])
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_end_of_the_caller_is_the_end_of_its_checks(number, scratch):
    mark = f"smoke-caller-{os.getpid()}-{number}"
    caller = subprocess.Popen([PYTHON, "-I", "-c", RUNNER, os.path.dirname(_smoke.__file__), scratch, mark])
    wait_until(lambda: alive(f"{mark}!"))
    caller.send_signal(number)
    caller.wait(10)
    wait_until(lambda: not alive(f"{mark}!"))
    if number == signal.SIGKILL:
        # Nobody could tidy up; the next run does, once the folder is old enough not to be one that is being made.
        (left,) = os.listdir(scratch)
        os.utime(os.path.join(scratch, left), (0, 0))
        run_checks(PYTHON, [], scratch=scratch)


def test_a_folder_in_use_is_not_stale(scratch):
    with run_folder(scratch) as folder:
        os.utime(folder, (0, 0))
        remove_stale(scratch)
        assert os.path.isdir(folder)


def test_root_clears_a_folder_that_is_written_meanwhile_and_follows_no_link(scratch, monkeypatch):
    # The moment in which rmtree fails, and who still writes puts a link in the place of a folder above.
    aside, folder = os.path.join(scratch, "aside"), os.path.join(scratch, "folder")
    os.makedirs(os.path.join(folder, "a", "b"))
    os.makedirs(os.path.join(aside, "b"), mode=0o755)
    real = os.rmdir

    def rmdir(path, dir_fd=None):
        if path == "b" and not os.path.islink(os.path.join(folder, "a")):
            os.rename(os.path.join(folder, "a"), os.path.join(folder, "moved"))
            os.symlink(aside, os.path.join(folder, "a"))
            raise OSError(errno.ENOTEMPTY, "Directory not empty")
        real(path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "rmdir", rmdir)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    clear(folder)
    assert os.listdir(aside) == ["b"]
    assert os.stat(aside).st_mode & 0o777 == 0o755
    assert not os.path.exists(folder)
    monkeypatch.undo()
    shutil.rmtree(aside)


def test_what_a_check_locks_up_is_removed_too(scratch):
    script = "import os\nos.makedirs('a/b')\nopen('a/b/f', 'w').close()\nos.chmod('a/b', 0)\nos.chmod('a', 0)"
    assert run_checks(PYTHON, [check(script)], scratch=scratch)[0].ok
