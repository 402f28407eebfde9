"""What is asked in a child: its answers, its bounds, its end; and files below a root."""

from __future__ import annotations

import os
import signal
import time

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _gpu_bounded, _gpu_root


def ask(function, timeout=5.0, limit=1 << 20):
    job = _gpu_bounded.start_call("it", function, timeout, limit)
    _gpu_bounded.wait([job])
    return job.outcome


def script(text, timeout=5.0, limit=1 << 20):
    return _gpu_bounded.run("it", ["/bin/sh", "-c", text], timeout, limit)


def is_gone(pid):
    for _look in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        with open(f"/proc/{pid}/stat", encoding="ascii") as stream:
            if stream.read().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize(
    ("text", "status", "code", "said", "detail"),
    [
        ("echo yes", "ok", 0, b"yes\n", ""),
        ("echo no >&2; exit 9", "failed", 9, b"no\n", "it ended with 9"),
        ("exit 255", "failed", 255, b"", "it ended with 255"),
        ("kill -SEGV $$", "failed", -11, b"", "it was ended by SIGSEGV"),
        ("echo half; exec >&- 2>&-; sleep 0.2; exit 3", "failed", 3, b"half\n", "it ended with 3"),
        ("sleep 60 & echo done", "ok", 0, b"done\n", ""),
        ("echo $LC_ALL", "ok", 0, b"C\n", ""),
    ],
)
def test_a_program(text, status, code, said, detail):
    outcome = script(text)
    assert (outcome.status, outcome.code, outcome.said, outcome.detail) == (status, code, said, detail)
    assert outcome.seconds < 2


def test_a_program_that_hangs_is_killed_with_what_it_started(tmp_path):
    outcome = script(f"sleep 61 & echo $! > {tmp_path}/pid; echo first; sleep 60", timeout=0.4)
    assert (outcome.status, outcome.said, outcome.code) == ("timeout", b"first\n", None)
    assert outcome.detail == "it did not answer within 0.4 s"
    assert 0.3 < outcome.seconds < 2
    assert is_gone(int((tmp_path / "pid").read_text()))


def test_a_program_that_says_too_much_is_stopped():
    outcome = script("while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done", limit=100000)
    assert (outcome.status, outcome.detail) == ("failed", "it says more than 100000 bytes")
    assert len(outcome.said) <= 100000


@pytest.mark.parametrize("path", ["/nowhere/nvidia-smi", "/etc/passwd", "/etc"])
def test_a_program_that_does_not_start(path):
    outcome = _gpu_bounded.run("it", [path], 1)
    assert outcome.status == "failed"
    assert outcome.detail.startswith("it does not start: ")


def test_a_call():
    outcome = ask(lambda say: (say(b"one\n"), say(b"x" * 200000)))
    assert (outcome.status, outcome.code, len(outcome.said)) == ("ok", 0, 200004)


@pytest.mark.parametrize(
    ("function", "status", "code"),
    [
        (lambda say: os.kill(os.getpid(), signal.SIGSEGV), "failed", -11),
        (lambda say: 1 / 0, "failed", 1),
        (lambda say: os._exit(7), "failed", 7),
        (lambda say: (say(b"got so far"), time.sleep(60)), "timeout", None),
    ],
)
def test_a_call_that_goes_wrong(function, status, code):
    outcome = ask(function, timeout=0.5)
    assert (outcome.status, outcome.code) == (status, code)
    assert outcome.said == (b"got so far" if status == "timeout" else b"")


def test_a_child_holds_none_of_the_callers_files():
    """What cannot be killed would else keep the caller's own caller waiting for the end of the output."""
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)

    def tell(say):
        say(" ".join(sorted({os.readlink(f"/proc/self/fd/{name}") for name in (0, 1, 2)})).encode())
        with_writer = os.path.exists(f"/proc/self/fd/{writer}") or os.path.exists(f"/proc/self/fd/{reader}")
        say(b" leaks" if with_writer else b" closed")

    assert ask(tell).text == "/dev/null closed"
    os.close(reader)
    os.close(writer)


def test_what_cannot_be_killed_is_left(monkeypatch):
    """As in state D; here the signal does not arrive."""
    monkeypatch.setattr(_gpu_bounded.os, "killpg", lambda *_signal: None)
    started = time.monotonic()
    for job in (
        _gpu_bounded.start_call("it", lambda say: time.sleep(3), 0.1),
        _gpu_bounded.start_program("it", ["/bin/sleep", "3"], 0.1),
    ):
        _gpu_bounded.wait([job])
        assert job.outcome.status == "timeout"
        assert job.outcome.detail.endswith("cannot be killed: it hangs in the kernel")
    assert time.monotonic() - started < 2


def test_several_are_asked_at_once_and_one_may_wait_for_a_part():
    started = time.monotonic()
    jobs = [_gpu_bounded.start_program("it", ["/bin/sleep", "60"], 0.6) for _number in range(4)]
    assert not _gpu_bounded.wait(jobs, until=started + 0.2)
    assert not any(job.outcome for job in jobs)
    assert _gpu_bounded.wait(jobs)
    assert time.monotonic() - started < 2
    assert {job.outcome.status for job in jobs} == {"timeout"}


def test_a_caller_that_ignores_its_childrens_ends():
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert script("echo yes").said == b"yes\n"
        assert ask(lambda say: say(b"also")).said == b"also"
    finally:
        signal.signal(signal.SIGCHLD, before)


@pytest.mark.parametrize(
    ("links", "path", "expected"),
    [
        ({}, "/etc/one", "one"),
        ({"/etc/two": "/etc/one"}, "/etc/two", "one"),
        ({"/etc/two": "one"}, "/etc/two", "one"),
        ({"/lib": "usr/lib", "/usr/lib/x": "/etc/alternatives/x", "/etc/alternatives/x": "../one"}, "/lib/x", "one"),
        ({"/etc/two": "/../../../etc/one"}, "/etc/two", "one"),
        ({"/etc/loop": "/etc/loop"}, "/etc/loop", ""),
        ({}, "/etc/none", ""),
        ({}, "/etc", ""),
    ],
)
def test_files_lie_below_the_root(tmp_path, links, path, expected):
    for name in ("etc/alternatives", "usr/lib"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "etc/one").write_text("one")
    for name, target in links.items():
        (tmp_path / name.lstrip("/")).symlink_to(target)
    assert _gpu_root.read_text(str(tmp_path), path) == expected
    assert _gpu_root.exists(str(tmp_path), path) is bool(expected or path == "/etc")


def test_a_pipe_holds_nobody_up(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert _gpu_root.read_text(str(tmp_path), "/pipe") == ""


def test_programs_below_the_root(tmp_path):
    assert _gpu_root.find_program(str(tmp_path), "sh") == ""
    folder = tmp_path / "usr/local/bin"
    folder.mkdir(parents=True)
    (folder / "nvidia-smi").write_text("#!/bin/sh\n")
    assert _gpu_root.find_program(str(tmp_path), "nvidia-smi") == ""
    (folder / "nvidia-smi").chmod(0o755)
    assert _gpu_root.find_program(str(tmp_path), "nvidia-smi") == str(folder / "nvidia-smi")
    assert os.access(_gpu_root.find_program("/", "sh"), os.X_OK)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"proc/sys/kernel/osrelease": "6.1.0-18-amd64\n"}, "6.1.0-18-amd64"),
        ({"proc/version": "Linux version 5.15.0-91-generic (buildd@host) #1 SMP\n"}, "5.15.0-91-generic"),
        ({}, ""),
    ],
)
def test_the_running_kernel(tmp_path, files, expected):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert _gpu_root.running_kernel(str(tmp_path)) == expected
    assert _gpu_root.running_kernel("/") == os.uname().release
