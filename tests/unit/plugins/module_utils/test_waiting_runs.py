"""A rollback and a removal that wait for another run find out what that run did."""

from __future__ import annotations

import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _removal, _rollback
from ansible_collections.mlinabox.core.plugins.module_utils._generations import USE_LOCK, Environment, InUseError
from ansible_collections.mlinabox.core.plugins.module_utils._request import PipLockError, Request
from ansible_collections.mlinabox.core.plugins.module_utils._run_lock import RunLock

ONE, TWO, THREE = "20260101T000000Z-aaaaaaaa", "20260102T000000Z-bbbbbbbb", "20260103T000000Z-cccccccc"


@pytest.fixture
def environment(tmp_path):
    made = Environment(str(tmp_path), "stack")
    make(made, ONE)
    make(made, TWO)
    made.switch(TWO)
    return made


def make(environment, name):
    path = environment.path(name)
    for folder in (".mlinabox", "bin", "lib/python3.9/site-packages"):
        os.makedirs(os.path.join(path, folder))
    for file in (USE_LOCK, "bin/python"):
        with open(os.path.join(path, file), "w", encoding="ascii"):
            pass
    environment.write_state(name, {"packages": {}})


def meanwhile(monkeypatch, module, environment, work, change):
    """Return a future of `work`, which waited for another run, which did `change`."""
    waits = threading.Event()

    class Announced(RunLock):
        def __init__(self, *arguments):
            super().__init__(*arguments, poll=0.01)
            waits.set()

    monkeypatch.setattr(module, "RunLock", Announced)
    with ThreadPoolExecutor(1) as beside:
        with RunLock(os.path.join(environment.directory, "run.lock"), 0):
            future = beside.submit(work)
            assert waits.wait(10)
            change()
        return future


def request(environment):
    return Request(environment.root, "stack", "uv", integrity="none", launchers=environment.root + "/bin")


def roll_back(monkeypatch, environment, change):
    def work():
        return _rollback.roll_back(environment, request(environment), "", False)

    return meanwhile(monkeypatch, _rollback, environment, work, change)


def test_a_rollback_to_what_was_removed_meanwhile_leaves_what_is_live(environment, monkeypatch):
    done = roll_back(monkeypatch, environment, lambda: environment.remove(ONE))
    with pytest.raises(PipLockError, match=f"no proved generation {ONE}; kept are: {TWO}"):
        done.result()
    assert environment.current_id() == TWO


def test_a_rollback_goes_where_it_said_and_says_what_was_live(environment, monkeypatch):
    def another():
        make(environment, THREE)
        environment.switch(THREE)

    result = roll_back(monkeypatch, environment, another).result()
    assert (result["generation"], result["previous"], environment.current_id()) == (ONE, THREE, ONE)


def test_a_removal_takes_what_is_there_when_its_turn_comes(environment, monkeypatch):
    def another():
        make(environment, THREE)
        environment.switch(THREE)
        environment.remove(ONE)

    def work():
        return _removal.remove_environment(environment, request(environment), False)

    assert meanwhile(monkeypatch, _removal, environment, work, another).result()["changed"]
    assert not os.path.exists(environment.directory)


@pytest.mark.parametrize("used", [ONE, TWO])
def test_a_removal_that_is_refused_removes_nothing(environment, tmp_path, used):
    overlay = tmp_path / "mine"
    overlay.mkdir()
    (overlay / "pyvenv.cfg").write_text("")
    os.makedirs(environment.overlays)
    os.symlink(overlay, os.path.join(environment.overlays, f"{used}@1000@mine"))
    with pytest.raises(InUseError, match="lies under"):
        _removal.remove_environment(environment, request(environment), False)
    assert (environment.all_ids(), environment.current_id()) == ([ONE, TWO], TWO)
    shutil.rmtree(overlay)
    assert _removal.remove_environment(environment, request(environment), False)["changed"]
