# Copyright: (c) 2026, the ML in a Box contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Smoke checks against the real Python: what confines them, what ends them, and what is said of them."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _smoke
from ansible_collections.mlinabox.core.plugins.module_utils._smoke import Check, Result, Results, run_checks

# The tests' own interpreter may lie where an unprivileged user cannot look.
PYTHON = next(path for path in ("/usr/bin/python3", sys.executable) if os.path.exists(path))

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
cut_off = pytest.mark.skipif(bool(_smoke._no_network_probe()), reason="network namespaces cannot be made here")


@pytest.fixture
def scratch():
    """A folder that every user can enter; a run must leave it empty."""
    folder = tempfile.mkdtemp(prefix="test-smoke-", dir="/var/tmp")
    os.chmod(folder, 0o755)
    yield folder
    left = os.listdir(folder)
    shutil.rmtree(folder)
    assert left == []


def check(script, **others):
    return Check(**{"name": "thing", "distribution": "thing", "timeout": 30, "memory": 10, "script": script, **others})


def alive(mark):
    """Processes with the mark in their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            with contextlib.suppress(OSError):
                command = (entry / "cmdline").read_bytes().split(b"\0")
                if mark.encode() in command:
                    found.append(int(entry.name))
    return found


def wait_until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


# --- what a check may be -------------------------------------------------------------------------------------------

MINIMAL = {"name": "NumPy", "script": "import numpy", "distribution": "numpy"}


def test_check_from_dict_has_defaults():
    parsed = Check.from_dict(MINIMAL)
    assert (parsed.memory, parsed.timeout, parsed.expected, parsed.reason, parsed.wanted) == (512, 180, "works", "", "")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": ""}, "field 'name' is missing or empty"),
        ({"script": None}, "smoke check NumPy: field 'script' is missing or empty"),
        ({"distribution": ""}, "field 'distribution' is missing or empty"),
        ({"distribution": ["numpy"]}, "field 'distribution' must be text, not ['numpy']"),
        ({"wanted": 1.23}, "field 'wanted' must be text, not 1.23"),
        ({"memory": 0}, "field 'memory' must be a whole number above 0, not 0"),
        ({"memory": True}, "field 'memory' must be a whole number above 0, not True"),
        ({"timeout": "60"}, "field 'timeout' must be a whole number above 0, not '60'"),
        ({"expected": "maybe"}, "field 'expected' must be 'works' or 'fails', not 'maybe'"),
        ({"expected": "fails"}, "field 'reason' is empty"),
        ({"colour": "red"}, "unknown field 'colour'"),
    ],
)
def test_check_from_dict_names_the_field(change, message):
    with pytest.raises(ValueError) as error:
        Check.from_dict({**MINIMAL, **change})
    assert message in str(error.value)


def test_check_is_a_mapping():
    with pytest.raises(ValueError, match="is a mapping"):
        Check.from_dict("import numpy")


# --- what confines it ----------------------------------------------------------------------------------------------

CONFINED = {
    "home is new, private, the current folder and empty": (
        "import os\n"
        "assert os.getcwd() == os.environ['HOME']\n"
        "assert os.stat('.').st_mode & 0o777 == 0o700 and os.stat('.').st_uid == os.getuid()\n"
        "assert [name for name in os.listdir('.') if not name.startswith('.')] == ['tmp']"
    ),
    "everything that is written by default goes below home": (
        "import os, tempfile\n"
        "home = os.environ['HOME'] + '/'\n"
        "assert tempfile.gettempdir().startswith(home)\n"
        "assert all(os.environ[n].startswith(home) for n in os.environ if n.startswith('XDG_') or n == 'MPLCONFIGDIR')"
    ),
    "the caller's variables do not reach it": "import os\nassert 'SMOKE_SECRET' not in os.environ",
    "the environment's own commands come first": (
        f"import os\nassert os.environ['PATH'].split(':')[0] == {os.path.dirname(PYTHON)!r}"
    ),
    "no privileges can be gained": "assert 'NoNewPrivs:\\t1' in open('/proc/self/status').read()",
    "its files are its own": (
        "import os\nopen('f', 'w').close()\nassert os.stat('f').st_mode & 0o777 == 0o600\n"
        "assert not os.access(__file__, os.W_OK) or os.getuid() == os.stat(__file__).st_uid"
    ),
    "no core files, no bytecode, no user's packages": (
        "import resource, sys\n"
        "assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)\n"
        "assert sys.dont_write_bytecode and sys.flags.no_user_site"
    ),
    "it leads a session of its own": "import os\nassert os.getsid(0) == os.getpgid(0) == os.getpid()",
    "it is what is ended first where memory runs out": "assert open('/proc/self/oom_score_adj').read() == '1000\\n'",
}
CONFINED_AS_ROOT = {
    "it runs as nobody, with nobody's group and no other": (
        "import os, pwd\nnobody = pwd.getpwnam('nobody')\n"
        "assert os.getresuid() == (nobody.pw_uid,) * 3 and os.getresgid() == (nobody.pw_gid,) * 3\n"
        "assert os.getgroups() == [] and os.environ['USER'] == 'nobody'"
    ),
    "it cannot write to a folder of root's": (
        "for folder in ('/etc', '/usr', '/root'):\n"
        "    try:\n        open(folder + '/smoke', 'w')\n    except PermissionError:\n        continue\n"
        "    raise AssertionError(folder)"
    ),
    "it cannot become root again": (
        "import os\ntry:\n    os.setuid(0)\nexcept PermissionError:\n    pass\nelse:\n    raise AssertionError"
    ),
}
CUT_OFF = {
    "no network but loopback": (
        "import errno, socket\n"
        "assert [name for _index, name in socket.if_nameindex() if name == 'eth0'] == []\n"
        "try:\n    socket.create_connection(('192.0.2.1', 80), timeout=5)\n"
        "except OSError as error:\n    assert error.errno == errno.ENETUNREACH, error\n"
        "else:\n    raise AssertionError('there is a network')"
    ),
    "loopback is up": (
        "import socket\nserver = socket.create_server(('127.0.0.1', 0))\nsocket.create_connection(server.getsockname())"
    ),
}


@pytest.mark.parametrize(
    "cases",
    [pytest.param(CONFINED), pytest.param(CONFINED_AS_ROOT, marks=as_root), pytest.param(CUT_OFF, marks=cut_off)],
    ids=["always", "as root", "cut off"],
)
def test_a_check_is_confined(cases, scratch, monkeypatch):
    monkeypatch.setenv("SMOKE_SECRET", "x")
    results = run_checks(PYTHON, [check(script, name=name) for name, script in cases.items()], scratch=scratch)
    assert {result.name: result.message for result in results if not result.ok} == {}


def test_more_variables_can_be_given(scratch):
    script = "import os\nassert (os.environ['LANG'], os.environ['MORE']) == ('C', 'x')"
    (result,) = run_checks(PYTHON, [check(script)], scratch=scratch, env={"LANG": "C", "MORE": "x"})
    assert result.ok, result.message


def test_a_machine_without_namespaces_is_said_not_failed(scratch, monkeypatch):
    monkeypatch.setattr(_smoke, "_no_network_probe", lambda: "a network namespace cannot be made here (not permitted)")
    own = os.readlink("/proc/self/ns/net")
    script = f"import os\nassert os.readlink('/proc/self/ns/net') == {own!r}"
    results = run_checks(PYTHON, [check(script)], scratch=scratch)
    assert results[0].ok, results[0].message
    assert _smoke.table(results).splitlines()[-1] == (
        "The checks ran with the machine's network: a network namespace cannot be made here (not permitted)"
    )


# --- what is said of it --------------------------------------------------------------------------------------------

OUTCOMES = {
    "works": ({"script": "print('noise')"}, True, True, ""),
    "raises": (
        {"script": "import no_such_thing"},
        False,
        False,
        "ModuleNotFoundError: No module named 'no_such_thing'",
    ),
    "raises in several lines": (
        {"script": "raise TypeError('Descriptors cannot be created.\\nMore information:\\n- https://example.org')"},
        False,
        False,
        "TypeError: Descriptors cannot be created.",
    ),
    "writes after its traceback": (
        {"script": "import atexit, sys\natexit.register(sys.stderr.write, 'bye\\n')\nraise KeyError('x')"},
        False,
        False,
        "KeyError: 'x'",
    ),
    "exits with a message": ({"script": "raise SystemExit('no  such\\tlibrary')"}, False, False, "no such library"),
    "exits with a number": ({"script": "raise SystemExit(3)"}, False, False, "ended with status 3, without a word"),
    "is killed": (
        {"script": "import os\nos.kill(os.getpid(), 9)"},
        False,
        False,
        "killed (out of memory?)",
    ),
    "aborts": (
        {"script": "import os\nos.write(2, b'glibc: free(): invalid pointer\\n')\nos.abort()"},
        False,
        False,
        "killed by SIGABRT: glibc: free(): invalid pointer",
    ),
    "fails as expected": (
        {"script": "1 / 0", "expected": "fails", "reason": "r"},
        False,
        True,
        "ZeroDivisionError: division by zero",
    ),
    "works, unexpectedly": ({"script": "pass", "expected": "fails", "reason": "r"}, True, True, ""),
    "is not installed": ({"script": "pass", "wanted": "1.0"}, True, False, "not installed, though its check ran"),
}


def test_outcomes(scratch):
    checks = [check(name=name, **given) for name, (given, *_rest) in OUTCOMES.items()]
    results = run_checks(PYTHON, checks, scratch=scratch)
    told = {result.name: (result.works, result.ok, result.message) for result in results}
    assert told == {name: tuple(rest) for name, (_given, *rest) in OUTCOMES.items()}
    assert list(told) == list(OUTCOMES), "in the checks' order, not in that of their ends"
    assert {result.name for result in results if result.unexpected} == {"works, unexpectedly"}
    assert all(result.seconds >= 0 and result.peak_memory > 1 for result in results)


def test_an_interpreter_that_does_not_start_is_a_result(scratch):
    (result,) = run_checks("/no/such/bin/python", [check("pass")], scratch=scratch)
    assert not result.ok
    assert result.message.startswith("/no/such/bin/python does not start as ")
    assert result.message.endswith("No such file or directory")


@pytest.mark.parametrize(
    ("given", "message"),
    [({"scratch": "/no/such/folder"}, "scratch folder /no/such/folder"), ({"user": "no-such-user"}, "no-such-user")],
)
def test_what_the_caller_got_wrong_is_an_error(given, message):
    if "user" in given and os.geteuid():
        pytest.skip("only root chooses the user")
    with pytest.raises(ValueError, match=message):
        run_checks(PYTHON, [check("pass")], **given)


def test_no_checks_no_results(scratch):
    assert run_checks(PYTHON, [], scratch=scratch) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("\n  \n", ""),
        ("first\nlast  \n\n", "last"),
        ("x" * 400, "x" * 297 + "..."),
        # Recorded: cupy-cuda12x 12.2.0 without a driver, 2026-11-21.
        (
            'Traceback (most recent call last):\n  File "cupy/__init__.py", line 16, in <module>\n'
            "    from cupy import _core\nImportError: libcuda.so.1: cannot open shared object file\n\n"
            "The above exception was the direct cause of the following exception:\n\n"
            'Traceback (most recent call last):\n  File "check.py", line 3, in <module>\n    import cupy\n'
            "ImportError: \n====\nFailed to import CuPy.\n====\n",
            "ImportError: Failed to import CuPy.",
        ),
        ('Traceback (most recent call last):\n  File "check.py", line 3\n', 'File "check.py", line 3'),
    ],
)
def test_error_line(text, line):
    assert _smoke.error_line(text) == line


def result(**given):
    facts = {"distribution": "d", "wanted": "1.0", "found": "1.0", "works": True, "ok": True, "unexpected": False}
    return Result(**{**facts, "name": "n", "seconds": 1.0, "message": "", "peak_memory": 9, **given})


def test_table():
    failing = {"works": False, "ok": False, "found": "", "message": "ImportError: no x"}
    reason = "jaxlib is on no index"
    rows = [
        result(name="NumPy", wanted="1.23.2", found="1.23.2"),
        result(name="Transformers", **failing),
        result(name="Jax", wanted="", works=False, expected="fails", reason=reason, message="ImportError: jaxlib"),
        result(name="CuPy", expected="fails", reason="r", unexpected=True),
    ]
    assert _smoke.table(rows).splitlines() == [
        "Software      Version wanted  Version found  Works              Note",
        "------------  --------------  -------------  -----------------  ----",
        "NumPy         1.23.2          1.23.2         yes",
        "Transformers  1.0             -              no                 ImportError: no x",
        "Jax           -               1.0            fails as expected  jaxlib is on no index",
        "CuPy          1.0             1.0            yes                works, though it was expected to fail: r",
    ]
    assert _smoke.table(Results()).splitlines()[0].startswith("Software  Version wanted")


def test_installed_reads_names_of_folders(tmp_path):
    site = tmp_path / "lib" / "python3.9" / "site-packages"
    for name in (
        "torch-1.12.1+cu116.dist-info",
        "Scikit_Image-0.19.3.dist-info",
        "ruamel.yaml.clib-0.2.6.dist-info",
        "old-0.5-py3.9.egg-info",
        "numpy",
        "__pycache__",
    ):
        (site / name).mkdir(parents=True)
    assert _smoke.installed(str(tmp_path / "bin" / "python")) == {
        "torch": "1.12.1+cu116",
        "scikit-image": "0.19.3",
        "ruamel-yaml-clib": "0.2.6",
        "old": "0.5",
    }


@pytest.mark.parametrize(
    ("wanted", "found", "ok", "message"),
    [
        ("1.12.1", "1.12.1+cu116", True, ""),
        ("1.12.1+cu116", "1.12.1+cu116", True, ""),
        ("1.12.1+cu116", "1.12.1", False, "version 1.12.1 is not the one wanted"),
        ("1.12.1", "1.13.0", False, "version 1.13.0 is not the one wanted"),
        ("", "1.13.0", True, ""),
    ],
)
def test_the_version_counts(wanted, found, ok, message):
    verdict = _smoke._verdict(check("pass", wanted=wanted), found, "", 9, 1.0)
    assert (verdict.works, verdict.ok, verdict.message) == (True, ok, message)


# --- what ends it --------------------------------------------------------------------------------------------------

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
import importlib.util, sys
spec = importlib.util.spec_from_file_location("_smoke", sys.argv[1])
sys.modules["_smoke"] = smoke = importlib.util.module_from_spec(spec)
spec.loader.exec_module(smoke)
script = "import os, sys\\nos.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(300)', %r])"
smoke.run_checks(sys.executable, [smoke.Check("a", script % (sys.argv[3] + "!"), "a")], scratch=sys.argv[2])
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_end_of_the_caller_is_the_end_of_its_checks(number, scratch):
    mark = f"smoke-caller-{os.getpid()}-{number}"
    caller = subprocess.Popen([PYTHON, "-I", "-c", RUNNER, _smoke.__file__, scratch, mark])
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
    with _smoke._run_folder(scratch) as folder:
        os.utime(folder, (0, 0))
        _smoke._remove_stale(scratch)
        assert os.path.isdir(folder)


def test_what_a_check_locks_up_is_removed_too(scratch):
    script = "import os\nos.makedirs('a/b')\nopen('a/b/f', 'w').close()\nos.chmod('a/b', 0)\nos.chmod('a', 0)"
    assert run_checks(PYTHON, [check(script)], scratch=scratch)[0].ok


# --- how many at once ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("memories", "jobs", "budget", "batches"),
    [
        pytest.param([100, 100, 100], 2, 1000, [[0, 1], [2]], id="as many as jobs"),
        pytest.param([100, 800, 300], 8, 1000, [[1, 0], [2]], id="the big first, a small one beside it"),
        pytest.param([100, 5000, 200], 8, 1000, [[1], [2, 0]], id="one above the budget runs alone"),
        pytest.param([100, 200], 8, 0, [[1], [0]], id="no memory at all: one after the other"),
        pytest.param([500, 500, 500], 8, 1000, [[0, 1], [2]], id="the budget may be used up"),
    ],
)
def test_checks_run_within_memory(memories, jobs, budget, batches, scratch, monkeypatch):
    started = []

    class Batchwise:
        """Stands for the process: all that run end together, once no more was started."""

        def __init__(self, _python, check, home, _owner, _variables, network):
            self.home = home
            started[-1].append(int(check.name))

        def poll(self):
            return "", 1, 0.0

    def startable(*given):
        started.append([])
        return original(*given)

    original = _smoke._startable
    monkeypatch.setattr(_smoke, "_startable", startable)
    monkeypatch.setattr(_smoke, "_Running", Batchwise)
    checks = [check("pass", name=str(number), memory=memory) for number, memory in enumerate(memories)]
    results = run_checks(PYTHON, checks, scratch=scratch, jobs=jobs, budget_mib=budget)
    assert started == batches
    assert [int(result.name) for result in results] == list(range(len(memories)))


MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("cgroup", "files", "budget"),
    [
        pytest.param("0::/\n", {}, 8000, id="no limit"),
        pytest.param("0::/a\n", {"a/memory.max": "max", "a/memory.current": "5"}, 8000, id="v2, none either"),
        pytest.param(
            "0::/a/b\n",
            {"a/memory.max": str(1000 * MIB), "a/memory.current": str(500 * MIB)},
            400,
            id="v2, the parent's",
        ),
        pytest.param(
            "0::/a\n",
            {
                "a/memory.max": str(1000 * MIB),
                "a/memory.current": str(900 * MIB),
                "a/memory.stat": f"anon 5\nactive_file 7\ninactive_file {400 * MIB}\n",
            },
            400,
            id="v2, cached files can be given back",
        ),
        pytest.param(
            "4:memory:/x\n0::/\n",
            {"memory/memory.limit_in_bytes": str(200 * MIB), "memory/memory.usage_in_bytes": str(100 * MIB)},
            80,
            id="v1, in a container that does not see its own path",
        ),
        pytest.param(
            "5:cpu,memory:/x\n",
            {"memory/x/memory.limit_in_bytes": "9223372036854771712", "memory/x/memory.usage_in_bytes": "1"},
            8000,
            id="v1, no limit",
        ),
        pytest.param("0::/a\n", {"a/memory.max": "1", "a/memory.current": "2"}, 0, id="nothing left"),
    ],
)
def test_memory_budget(cgroup, files, budget, tmp_path):
    proc, cgroups = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "self").mkdir(parents=True)
    (proc / "meminfo").write_text(f"MemTotal: 1 kB\nMemAvailable:   {10000 * 1024} kB\n")
    (proc / "self" / "cgroup").write_text(cgroup)
    for name, text in files.items():
        (cgroups / name).parent.mkdir(parents=True, exist_ok=True)
        (cgroups / name).write_text(text)
    assert _smoke.memory_budget(str(proc), str(cgroups)) == budget


def test_memory_budget_of_this_machine():
    assert _smoke.memory_budget() > 0
