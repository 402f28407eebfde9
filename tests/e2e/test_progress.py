"""What a person sees of long builds: several hosts at once, and one in place. Each host is this machine with a root of
its own; the packages come from an index on loopback that takes its time."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import slow_index
from conftest import ROOT

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
BIN = Path(sys.executable).parent
WHEELS = [slow_index.wheel("small", 0.05), slow_index.wheel("middle", 2), slow_index.wheel("large", 8)]


@pytest.fixture(scope="module")
def index():
    """Serves the large one in about eight seconds."""
    with slow_index.serve(WHEELS, mib_per_second=1) as url:
        yield url


@pytest.fixture(scope="module")
def slower_index():
    """Serves the large one in about 20 seconds, for tests in which a run on a busy machine must not miss it."""
    with slow_index.serve(WHEELS, mib_per_second=0.4) as url:
        yield url


@dataclass
class Site:
    """A play of one task on hosts that are all this machine."""

    folder: Path
    url: str

    def root(self, host):
        return self.folder / host

    @property
    def jobs(self):
        """Results files of jobs in the background (list of str); [] also where there never was one."""
        folder = self.folder / "async"
        return sorted(os.listdir(folder)) if folder.exists() else []

    def command(self, hosts, *arguments, connection="local", task=None, options=None):
        """Writes the play; returns the command that runs it."""
        (self.folder / "lock.txt").write_text(slow_index.lock_text(WHEELS, PYTHON))
        module = {
            "name": "stack",
            "lock": str(self.folder / "lock.txt"),
            "python": os.path.realpath(sys.executable),
            "root": str(self.folder / "{{ inventory_hostname }}"),
            "uv": str(BIN / "uv"),
            **(options or {}),
        }
        play = {
            "hosts": "all",
            "gather_facts": False,
            "tasks": [
                {
                    "name": "Build",
                    "mlinabox.core.pip_lock": module,
                    "environment": {"UV_DEFAULT_INDEX": self.url},
                    "register": "built",
                    **(task or {}),
                },
                {
                    "name": "Keep what it returned",
                    "ansible.builtin.copy": {
                        "content": "{{ built | to_json }}",
                        "dest": str(self.folder / "{{ inventory_hostname }}.json"),
                        "mode": "0600",
                    },
                    "check_mode": False,
                },
            ],
        }
        variables = {
            "ansible_connection": connection,
            "ansible_python_interpreter": os.path.realpath(sys.executable),
            "ansible_async_dir": str(self.folder / "async"),
            "breaking_cut": str(self.folder / "cut"),
        }
        (self.folder / "play.yml").write_text(json.dumps([play]))
        inventory = {"all": {"hosts": {host: {} for host in hosts}, "vars": variables}}
        (self.folder / "hosts.yml").write_text(json.dumps(inventory))
        command = [BIN / "ansible-playbook", "-i", self.folder / "hosts.yml", self.folder / "play.yml", *arguments]
        return [str(part) for part in command]

    def start(self, *arguments, **more):
        env = dict(
            os.environ,
            ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"),
            ANSIBLE_CONNECTION_PLUGINS=str(ROOT / "tests" / "e2e" / "connection_plugins"),
            ANSIBLE_NOCOLOR="1",
            ANSIBLE_CALLBACK_RESULT_FORMAT="json",
        )
        return subprocess.Popen(
            self.command(*arguments, **more),
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def play(self, *arguments, **more):
        """Runs the play. Returns (results by host, standard output, lines of standard error)."""
        process = self.start(*arguments, **more)
        out, err = process.communicate(timeout=300)
        print(out, err)
        assert process.returncode == 0
        return self.results, out, err.splitlines()

    @property
    def results(self):
        """What the hosts' builds returned last (dict name -> dict)."""
        return {path.stem: json.loads(path.read_text()) for path in self.folder.glob("*.json")}


@pytest.fixture
def site(tmp_path, index):
    yield Site(tmp_path, index)
    shutil.rmtree(tmp_path, ignore_errors=True)


HOSTS = ("one", "two", "three")
LEFT = re.compile(
    r"download \d+ s: (?:at least )?\S+ [KMG]iB of 10 MiB left, \S+ [KMG]iB/s, (?:at least|about) \d+ s; "
    r"\d of 2 large files; .*large 8\.0 MiB"
)


def test_several_hosts_tell_live_how_much_is_left(site, slower_index):
    """Lines of each host come while the task runs, and check mode and a second run have none."""
    site.url = slower_index
    planned, _out, told = site.play(HOSTS, "--check")
    assert all(planned[host]["changed"] for host in HOSTS)
    assert (told, site.jobs, (site.folder / "async").exists()) == ([], [], False)

    begun = time.monotonic()
    process = site.start(HOSTS)
    lines = []
    for text in process.stderr:
        lines.append((time.monotonic() - begun, text))
    out = process.stdout.read()
    ended = time.monotonic() - begun
    assert process.wait() == 0
    print("".join(f"{when:.1f} {text}" for when, text in lines), out)
    for host in HOSTS:
        assert site.results[host]["changed"]
        mine = [(when, text) for when, text in lines if text.startswith(f"{host} stack: download")]
        # The download takes 20 seconds, with a line about every five.
        assert 2 <= len(mine) <= 8
        assert any(LEFT.search(text) for _when, text in mine)
        # It was read when it was said and not at the end.
        assert mine[0][0] < ended - 4
    assert site.jobs == []
    assert not list(site.folder.glob("*/envs/stack/progress.json*"))

    again, _out, told = site.play(HOSTS)
    assert not any(again[host]["changed"] for host in HOSTS)
    assert told == []


def test_one_host_on_a_terminal_is_told_in_place(site):
    controller, terminal = pty.openpty()
    command = site.command(["one"])
    env = dict(os.environ, ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"), ANSIBLE_NOCOLOR="1", TERM="dumb")
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    written = b""
    while True:
        try:
            data = os.read(controller, 65536)
        except OSError:  # nobody has the terminal open any more
            break
        if not data:
            break
        written += data
    os.close(controller)
    assert process.wait() == 0
    text = written.decode().replace("\r\n", "\n")
    print(text)
    (told,) = [line for line in text.split("\n") if "one stack: download" in line]
    rewritten = [part for part in told.split("\r") if part.startswith("one stack: ")]
    assert len(rewritten) >= 3
    assert any(" of 10 MiB left" in part for part in rewritten)
    assert all(len(part) < 80 for part in told.split("\r"))
    # Wiped out before what comes next is written in its place.
    assert re.search(r"\r +\r[^\r]*$", told)
    assert "changed: [one]" in text


@pytest.mark.parametrize(
    ("task", "options"),
    [({}, {"progress": False}), ({"async": 120, "poll": 1}, {}), ({"no_log": True}, {})],
    ids=["progress", "async", "no_log"],
)
def test_who_wants_it_quiet_has_it_quiet(site, task, options):
    found, out, told = site.play(["one"], task=task, options=options)
    assert not [line for line in told if "one stack:" in line]
    assert "changed: [one]" in out
    if not task.get("no_log"):
        assert found["one"]["generation"]
    assert site.jobs == []


def test_where_nothing_runs_in_the_background_it_is_built_all_the_same(site):
    (site.folder / "async").write_text("no directory")
    found, _out, told = site.play(["one"])
    assert found["one"]["generation"]
    assert told == []


def wait_for(stream, pattern):
    """Reads lines until one matches."""
    for text in stream:
        print(text, end="")
        if re.search(pattern, text):
            return
    raise AssertionError(f"nothing said {pattern}")


def test_interrupted_the_host_goes_on_and_the_next_run_waits_for_it(site, slower_index):
    site.url = slower_index
    process = site.start(["one"])
    wait_for(process.stderr, "one stack: download")
    # Ansible ends a worker at once, and waits for ever for the lock of its queue where that worker has it: as long as
    # it takes to write the very line that was just read.
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode != 0
    found, _out, told = site.play(["one"])
    assert any("one stack: waits for process" in line for line in told)
    # Nothing was left to do.
    assert found["one"]["plan"] == []
    assert os.path.islink(site.root("one") / "envs" / "stack" / "current")


def test_a_connection_that_is_cut_for_a_while(site):
    process = site.start(["one"], connection="breaking")
    wait_for(process.stderr, "one stack: download")
    cut = site.folder / "cut"
    cut.write_text("")
    wait_for(process.stderr, r"one stack: no answer for \d+ s \(the wire is cut\); the build goes on there")
    cut.unlink()
    out, err = process.communicate(timeout=120)
    print(out, err)
    assert process.returncode == 0
    assert site.results["one"]["changed"]


def test_a_build_that_is_killed_is_told_in_one_line(site):
    process = site.start(["one"])
    wait_for(process.stderr, "one stack: download")
    progress = json.loads((site.root("one") / "envs" / "stack" / "progress.json").read_text())
    os.kill(progress["pid"], signal.SIGKILL)
    out, _err = process.communicate(timeout=120)
    assert process.returncode == 2
    (said,) = re.findall(r"^fatal: \[one\]: FAILED! => (\{.*\})$", out, re.MULTILINE)
    message = json.loads(said)["msg"]
    assert message.startswith("one stack: the build ended on the host without a result")
    assert "\n" not in message
    assert site.jobs == []
    # What it left is found, and the build is completed.
    found, _out, _told = site.play(["one"])
    assert found["one"]["generation"]
    assert not list(site.root("one").glob("envs/stack/progress.json*"))
