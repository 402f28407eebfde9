"""Real programs, listened to: lines as they come, full pipes, much output, inherited descriptors, received bytes."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _streaming
from ansible_collections.mlinabox.core.plugins.module_utils._received import Received
from ansible_collections.mlinabox.core.plugins.module_utils._streaming import KEPT, run_listening


class Listener:
    """Keeps what it hears, and when; leaves out what begins with `-`."""

    def __init__(self):
        self.pid, self.heard, self.ticks = 0, [], 0

    def __call__(self, pid):
        self.pid = pid
        return self

    def line(self, text):
        self.heard.append((time.monotonic(), text))
        return text.startswith("-")

    def tick(self):
        self.ticks += 1


def shell(script, listener=None, **more):
    return run_listening(["sh", "-c", script], listen=listener, **more)


@pytest.mark.parametrize(
    ("script", "heard", "err"),
    [
        ("printf 'a\\nb\\n' >&2", ["a", "b"], b"a\nb\n"),
        ("printf 'a\\r\\n-b\\nc' >&2", ["a", "-b", "c"], b"a\r\nc\n"),
        ("printf 'no end' >&2", ["no end"], b"no end\n"),
        ("printf '\\377\\n' >&2", ["\ufffd"], b"\xff\n"),
        ("printf 'é' >&2; sleep 0.1; printf 'è\\n' >&2", ["éè"], "éè\n".encode()),
        (":", [], b""),
    ],
)
def test_lines(script, heard, err):
    listener = Listener()
    assert shell(script, listener) == (0, b"", err)
    assert [text for _when, text in listener.heard] == heard


def test_a_line_is_heard_when_it_is_said():
    listener = Listener()
    shell("echo one >&2; sleep 0.5; echo two >&2", listener)
    (first, _one), (second, _two) = listener.heard
    assert second - first > 0.4


def test_nobody_listens():
    assert shell("echo out; echo -err >&2; exit 3") == (3, b"out\n", b"-err\n")


def test_both_streams_may_be_full_at_once():
    out, err = "head -c 900000 /dev/zero", "head -c 900000 /dev/zero | tr '\\0' x | fold -w 100 >&2"
    status, said, complained = shell(f"{out} & {err}; wait", Listener())
    assert (status, len(said), len(complained.replace(b"\n", b""))) == (0, 900000, 900000)


def test_of_a_program_without_end_little_is_kept():
    script = "echo begin; echo begin >&2; head -c 9000000 /dev/zero | tee /dev/stderr; echo end; echo end >&2"
    listener = Listener()
    _status, out, err = shell(script, listener)
    for stream in (out, err):
        assert len(stream) < KEPT + 100
        assert stream.startswith(b"begin\n")
        assert stream.endswith(b"end\n")
    assert max(len(text) for _when, text in listener.heard) < 2 * _streaming.LONGEST_LINE + 1


def test_ticks(monkeypatch):
    monkeypatch.setattr(_streaming, "EVERY", 0.1)
    listener = Listener()
    # Also while it talks without a pause.
    shell("for i in 1 2 3 4 5 6 7 8 9 10; do echo $i >&2; sleep 0.05; done", listener)
    assert 3 <= listener.ticks <= 7


def test_a_descriptor_is_inherited(tmp_path):
    """The run lock stays taken as long as the program runs, whoever of its parents is gone."""
    descriptor = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    assert shell(f"readlink /proc/self/fd/{descriptor}", pass_fds=[descriptor])[0] == 0
    os.close(descriptor)


def test_a_listener_that_fails_ends_the_program():
    class Failing(Listener):
        def line(self, text):
            raise RuntimeError(text)

    listener = Failing()
    with pytest.raises(RuntimeError, match="begun"):
        shell("echo begun >&2; exec sleep 60", listener)
    assert not os.path.exists(f"/proc/{listener.pid}")


def test_what_it_left_running_holds_nobody_up():
    began = time.monotonic()
    status, out, _err = shell("sleep 30 & echo $!; echo said >&2")
    os.kill(int(out), signal.SIGKILL)
    assert (status, time.monotonic() - began < 10) == (0, True)


def test_a_program_that_is_not_there():
    with pytest.raises(FileNotFoundError):
        run_listening(["/nonexistent/uv"])


# --- Received --------------------------------------------------------------------------------------------------------

CLIENT = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as one:
    while one.recv(65536):
        pass
    print("got it", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def server():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def test_received_counts_what_came_over_a_process_s_sockets(server):
    client = subprocess.Popen(
        [sys.executable, "-c", CLIENT, str(server.getsockname()[1])], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    received = Received(client.pid)
    connection, _address = server.accept()
    with connection, client:
        if received.total() is None:
            pytest.skip("this kernel does not say what a socket received")
        threading.Thread(target=lambda: (connection.sendall(bytes(3_000_000)), connection.shutdown(1))).start()
        assert client.stdout.readline() == b"got it\n"
        assert 3_000_000 <= received.total() <= 3_000_001  # the end counts as one
        # Somebody else's are not its own.
        assert Received(os.getpid()).total() < 3_000_000
        client.stdin.close()
    # Once it is gone nothing is known, and that stays so.
    assert received.total() is None
    assert received.total() is None
