# Copyright: (c) 2026, the ML in a Box contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Smoke checks against the real Python: how they go, and how many go at once."""

from __future__ import annotations

import os

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _smoke
from ansible_collections.mlinabox.core.plugins.module_utils._smoke import run_checks
from ansible_collections.mlinabox.core.tests.unit.plugins.module_utils.smoke import PYTHON, check

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


def test_who_waits_is_told_how_many_are_done_and_which_run(scratch):
    said = []
    checks = [check("pass", name="one"), check("pass", name="two")]
    run_checks(PYTHON, checks, scratch=scratch, jobs=1, told=lambda done, running: said.append((done, running)))
    assert said[0] == (0, ["one"])
    assert (1, ["two"]) in said
    assert said[-1] == (2, [])


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
    monkeypatch.setattr(_smoke, "Running", Batchwise)
    checks = [check("pass", name=str(number), memory=memory) for number, memory in enumerate(memories)]
    results = run_checks(PYTHON, checks, scratch=scratch, jobs=jobs, budget_mib=budget)
    assert started == batches
    assert [int(result.name) for result in results] == list(range(len(memories)))
