"""Generations on a real file system: switching, removing, cleaning up, and who may be removed."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import subprocess
import threading
import time
from contextlib import nullcontext

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils._generations import Environment, InUseError
from ansible_collections.mlinabox.core.plugins.module_utils._launcher import (
    launcher_is_right,
    remove_links,
    write_launcher,
    write_links,
    write_pip,
    wrong_links,
)
from ansible_collections.mlinabox.core.plugins.module_utils._run_lock import LockTimeoutError, RunLock

ONE, TWO, THREE = "20260101T000000Z-aaaaaaaa", "20260102T000000Z-bbbbbbbb", "20260103T000000Z-cccccccc"


@pytest.fixture
def environment(tmp_path):
    return Environment(str(tmp_path), "stack")


def make(environment, *names, proved=True):
    for name in names:
        os.makedirs(os.path.join(environment.path(name), ".mlinabox"))
        os.makedirs(os.path.join(environment.path(name), "bin"))
        python = os.path.join(environment.path(name), "bin", "python")
        with open(python, "w", encoding="ascii") as stream:
            stream.write('#!/bin/sh\necho "$0 $PYTHONNOUSERSITE $*"; [ -z "${WAIT-}" ] || sleep "$WAIT"\n')
        os.chmod(python, 0o755)
        with open(os.path.join(environment.path(name), ".mlinabox", "use.lock"), "w", encoding="ascii"):
            pass
        if proved:
            environment.write_state(name, {"packages": {}})


@pytest.mark.parametrize("root", ["relative", "/it's", "/a\nb"])
def test_roots_that_no_launcher_can_name_are_refused(root):
    with pytest.raises(ValueError, match="root"):
        Environment(root, "stack")


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x" * 65])
def test_names_that_would_leave_the_directory_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match="name"):
        Environment(str(tmp_path), name)


def test_a_new_identifier_sorts_last_even_when_the_clock_was_set_back(environment):
    make(environment, THREE)
    assert environment.new_id("f" * 64, now=0) == "20260103T000001Z-ffffffff"
    assert environment.new_id("f" * 64, now=4102444800) == "21000101T000000Z-ffffffff"


def test_switch_and_previous(environment):
    make(environment, ONE, TWO, THREE)
    assert (environment.current_id(), environment.previous_id()) == ("", "")
    environment.switch(ONE)
    environment.switch(THREE)
    assert (environment.current_id(), environment.previous_id()) == (THREE, TWO)
    assert os.readlink(environment.link) == THREE
    environment.switch(TWO)
    assert (environment.current_id(), environment.previous_id()) == (TWO, ONE)


def test_prune_keeps_the_newest_and_the_live_one(environment):
    make(environment, ONE, TWO, THREE)
    environment.switch(ONE)
    assert environment.prune(2) == ([TWO], {})
    assert environment.all_ids() == [ONE, THREE]


def test_a_condemned_generation_is_nobodys_way_back(environment):
    make(environment, ONE, TWO, THREE)
    environment.switch(THREE)
    environment.condemn(TWO, "six.py is missing")
    assert (environment.condemned(ONE), environment.condemned(TWO)) == ("", "six.py is missing")
    assert environment.proved_ids() == [ONE, THREE]
    assert environment.previous_id() == ONE
    assert environment.prune(3) == ([TWO], {})


def test_a_generation_in_use_is_kept_and_its_user_named(environment):
    make(environment, ONE, TWO, THREE)
    environment.switch(THREE)
    with open(os.path.join(environment.path(ONE), ".mlinabox", "use.lock"), encoding="ascii") as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        removed, used = environment.prune(1)
    assert removed == [TWO]
    assert used == {ONE: f"{ONE} has programs running from it"}


def test_an_overlay_keeps_its_generation_while_it_exists(environment, tmp_path):
    make(environment, ONE, TWO)
    environment.switch(TWO)
    overlay = tmp_path / "home" / "mine"
    overlay.mkdir(parents=True)
    (overlay / "pyvenv.cfg").write_text("")
    os.makedirs(environment.overlays)
    os.symlink(overlay, os.path.join(environment.overlays, f"{ONE}@1000@mine"))
    assert environment.prune(1)[1] == {ONE: f"{ONE} lies under {overlay}"}
    (overlay / "pyvenv.cfg").unlink()
    assert environment.prune(1) == ([ONE], {})


def test_the_live_one_is_never_removed(environment):
    make(environment, ONE)
    environment.switch(ONE)
    with pytest.raises(InUseError):
        environment.remove(ONE)


def test_clean_removes_what_was_cut_short_and_nothing_else(environment):
    make(environment, ONE, TWO)
    make(environment, THREE, proved=False)
    environment.switch(TWO)
    os.makedirs(os.path.join(environment.directory, ".removing-" + ONE))
    os.symlink("nowhere", environment.link + ".new")
    assert environment.clean() == [".removing-" + ONE, THREE, "current.new"]
    assert environment.all_ids() == [ONE, TWO]
    assert environment.clean() == []


def test_what_was_live_without_a_proof_goes_when_nobody_uses_it(environment):
    make(environment, ONE, proved=False)
    make(environment, TWO, THREE)
    environment.switch(THREE)
    with open(os.path.join(environment.path(ONE), ".mlinabox", "use.lock"), encoding="ascii") as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        assert environment.prune(3) == ([], {ONE: f"{ONE} has programs running from it"})
        assert environment.clean() == []
    assert environment.leftovers() == [ONE]
    assert environment.prune(3) == ([ONE], {})
    assert environment.all_ids() == [TWO, THREE]


def test_the_run_lock_names_its_holder(tmp_path):
    path = str(tmp_path / "run.lock")
    with RunLock(path, 0), pytest.raises(LockTimeoutError, match=f"held by process {os.getpid()} since"), RunLock(
        path, 0
    ):
        pass
    with RunLock(path, 0):
        pass


@pytest.mark.parametrize("killed", [True, False])
def test_a_child_that_inherits_the_run_lock_holds_it_where_its_parent_is_killed(tmp_path, killed):
    path = str(tmp_path / "run.lock")
    lock = RunLock(path, 0).__enter__()
    child = subprocess.Popen(["sleep", "30"], pass_fds=[lock.descriptor])
    if killed:
        os.close(lock.descriptor)
    else:
        lock.__exit__()
    try:
        with pytest.raises(LockTimeoutError) if killed else nullcontext(), RunLock(path, 0):
            pass
    finally:
        child.kill()
        child.wait()
    with RunLock(path, 0):
        pass


def test_a_lock_on_what_another_run_removed_is_none(tmp_path):
    path = str(tmp_path / "stack" / "run.lock")
    os.makedirs(os.path.dirname(path))
    with RunLock(path, 0):
        waiting = RunLock(path, 10, poll=0.01)
        thread = threading.Thread(target=waiting.__enter__)
        thread.start()
        deadline = time.monotonic() + 5
        while waiting.descriptor < 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        shutil.rmtree(os.path.dirname(path))
    thread.join()
    with pytest.raises(LockTimeoutError, match=f"held by process {os.getpid()} since"), RunLock(path, 0):
        pass
    waiting.__exit__()


def test_a_run_lock_on_a_full_disk_is_one_all_the_same(tmp_path, monkeypatch):
    def full(*_arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    path = str(tmp_path / "run.lock")
    monkeypatch.setattr(os, "pwrite", full)
    with RunLock(path, 0), pytest.raises(LockTimeoutError, match="held by another run"), RunLock(path, 0):
        pass


def run(environment, *command, **variables):
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **variables}, check=False)


def test_the_launcher_resolves_the_link_once_and_holds_the_generation(environment):
    make(environment, ONE, TWO)
    environment.switch(ONE)
    write_launcher(environment)
    assert launcher_is_right(environment)
    assert not write_launcher(environment)
    launch = os.path.join(environment.directory, "launch")
    done = run(environment, launch, "python", "-c", "a b")
    assert done.stdout == f"{environment.path(ONE)}/bin/python 1 -c a b\n"
    child = subprocess.Popen([launch, "python"], env={**os.environ, "WAIT": "30"}, stdout=subprocess.PIPE)
    try:
        assert child.stdout.readline()
        environment.switch(TWO)
        with pytest.raises(InUseError, match="has programs running"):
            environment.remove(ONE)
    finally:
        subprocess.run(["pkill", "-P", str(child.pid)], check=False)
        child.kill()
        child.wait()
        child.stdout.close()


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ([], 2, "usage: launch COMMAND"),
        (["nothing"], 127, "the environment 'stack' has no command 'nothing'"),
    ],
)
def test_what_the_launcher_says(environment, arguments, status, message):
    make(environment, ONE)
    environment.switch(ONE)
    write_launcher(environment)
    done = run(environment, os.path.join(environment.directory, "launch"), *arguments)
    assert done.returncode == status
    assert message in done.stderr


def test_the_launcher_through_a_link_and_without_a_live_generation(environment, tmp_path):
    make(environment, ONE)
    write_launcher(environment)
    link = tmp_path / "python"
    link.symlink_to(os.path.join(environment.directory, "launch"))
    done = run(environment, str(link), "x")
    assert (done.returncode, done.stderr) == (
        1,
        "mlinabox: no generation of 'stack' is live; run the playbook site\n",
    )
    environment.switch(ONE)
    assert run(environment, str(link), "x").stdout.startswith(environment.path(ONE))
    assert run(environment, str(link), MLBOX_GENERATION="gone").returncode == 1


def test_pip_in_the_environment_says_what_to_do_instead(environment):
    make(environment, ONE)
    pip = os.path.join(environment.path(ONE), "bin", "pip3")
    with open(pip, "w", encoding="ascii"):
        pass
    assert write_pip(environment, ONE) == [pip]
    refused = run(environment, pip, "install", "six")
    assert refused.returncode == 1
    assert "mlbox env create NAME" in refused.stderr
    assert run(environment, pip, "list").stdout.endswith("-m pip list\n")


@pytest.mark.parametrize("command", ["", "..", "../../etc/cron.d/x", "a/b", "/bin/sh"])
def test_a_command_that_would_leave_the_directory_is_refused(environment, command):
    with pytest.raises(ValueError, match="name of a program"):
        wrong_links(environment, environment.root + "/bin", [command])


def test_commands_are_led_to_the_launcher_and_taken_back(environment):
    make(environment, ONE)
    environment.switch(ONE)
    write_launcher(environment)
    binaries = os.path.join(environment.root, "bin")
    assert wrong_links(environment, binaries, ["python"]) == [os.path.join(binaries, "python")]
    write_links(environment, binaries, ["python"])
    assert wrong_links(environment, binaries, ["python"]) == []
    assert run(environment, os.path.join(binaries, "python"), "x").stdout.startswith(environment.path(ONE))
    with open(os.path.join(binaries, "uv"), "w", encoding="ascii"):
        pass
    with pytest.raises(ValueError, match="is no launcher of ours"):
        write_links(environment, binaries, ["uv"])
    remove_links(environment, binaries)
    assert os.listdir(binaries) == ["uv"]


def test_a_command_is_one_environments(environment, tmp_path):
    binaries = os.path.join(environment.root, "bin")
    other = Environment(str(tmp_path), "other")
    for one in (environment, other):
        os.makedirs(one.directory)
        write_launcher(one)
    write_links(environment, binaries, ["python", "tool"])
    with pytest.raises(ValueError, match="tool starts the environment 'stack'"):
        wrong_links(other, binaries, ["tool"])
    # Taken from the one, it is free for the other.
    assert wrong_links(environment, binaries, ["python"]) == [os.path.join(binaries, "tool")]
    write_links(environment, binaries, ["python"])
    assert os.listdir(binaries) == ["python"]
    write_links(other, binaries, ["tool"])
    assert wrong_links(other, binaries, ["tool"]) == wrong_links(environment, binaries, ["python"]) == []
