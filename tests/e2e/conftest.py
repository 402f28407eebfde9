"""What whole runs share: hosts, the command ./box, stacks of one small package, and how a run's output is read."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_TESTS = ROOT / "tests"
sys.path[:0] = [str(_TESTS / "hosts"), str(_TESTS / "mirror"), str(_TESTS), str(Path(__file__).parent)]

# They lie beside the tests, on paths of their own.
import hosts as ssh_hosts  # noqa: E402 - found by the path above
from mirroring import ADDRESS, container, making  # noqa: E402 - likewise
from parts.report import KEPT_BYTECODE  # noqa: E402 - likewise

#: All of the tools are over 600 packages; their own scenario looks after them.
FEW_TOOLS = ("-e", '{"tools_groups": ["archive"]}')

LIST_FILES = (ROOT / "molecule" / "shared" / "list_files.sh").read_text()


@dataclass(frozen=True)
class Run:
    """How ./box ended: exit status and all that it printed."""

    status: int
    output: str

    @property
    def recap(self):
        """Host -> counter -> number (dict of dicts), from Ansible's last lines."""
        rows = re.findall(r"^(\S+)\s+: (ok=.*)$", self.output, re.MULTILINE)
        return {host: {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", rest)} for host, rest in rows}

    @property
    def failures(self):
        """(host, result) of each task that failed (list of tuples of str and dict)."""
        line = r"^(?:fatal|failed): \[([^\]]+?)\](?:: \w+!| \(item=.*?\)) => (\{.*\})$"
        return [(host, json.loads(result)) for host, result in re.findall(line, self.output, re.MULTILINE)]

    def well(self):
        """This run (Run), once it is known to have ended well."""
        if self.status:
            pytest.fail(self._story("./box should have ended well"), pytrace=False)
        return self

    def failed_once(self):
        """The result (dict) of the one task that failed. What it says is one line."""
        if not self.status or len(self.failures) != 1:
            pytest.fail(self._story("./box should have failed in one task"), pytrace=False)
        result = self.failures[0][1]
        assert result["msg"] and "\n" not in result["msg"].strip()
        return result

    def _story(self, wanted):
        told = [f"{host}: {result.get('msg', '')}" for host, result in self.failures]
        return "\n".join([f"{wanted}; it ended with {self.status}.", *told, "", self.output[-2000:]])


@dataclass(frozen=True)
class Fleet:
    """Hosts and the inventory that names them."""

    hosts: dict
    inventory: Path

    def box(self, word, *arguments, timeout=3000):
        """Runs ./box WORD on the hosts (Run)."""
        # A failed task's result is then one line of JSON.
        env = dict(os.environ, ANSIBLE_CALLBACK_RESULT_FORMAT="json", ANSIBLE_NOCOLOR="1", **KEPT_BYTECODE)
        env.pop("ANSIBLE_CONFIG", None)
        done = subprocess.run(
            [ROOT / "box", word, "-i", self.inventory, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=env,
            timeout=timeout,
            check=False,
        )
        # Shown when the test fails.
        print(f"+ ./box {word} {' '.join(map(str, arguments))}\n{done.stdout}")
        return Run(done.returncode, done.stdout)

    def module(self, host, name, become=True, **arguments):
        """The result (dict) of one module of the collection on one host."""
        program = Path(sys.executable).with_name("ansible")
        command = [program, "-i", self.inventory, host, "-m", f"mlinabox.core.{name}"]
        command += ["-a", json.dumps(arguments)] if arguments else []
        env = dict(os.environ, ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"), ANSIBLE_NOCOLOR="1")
        env.update(ANSIBLE_CALLBACK_RESULT_FORMAT="json", **KEPT_BYTECODE)
        command += ["--become"] if become else []
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=env, timeout=300, check=False)
        print(f"+ {name} {arguments} on {host}\n{done.stdout}{done.stderr}")
        assert not done.returncode
        return json.loads(done.stdout.partition(" => ")[2])


def pytest_generate_tests(metafunc):
    """Who asks for `each` (str) runs once for each host of the file, with its name."""
    if "each" in metafunc.fixturenames:
        metafunc.parametrize("each", list(metafunc.module.IMAGES), scope="module")


def files(host):
    """The host's files, a line each (list of str), but for what changes by itself."""
    return host.sh(LIST_FILES).splitlines()


def live(host):
    """The live generation of the host's stack (str), empty where there is none."""
    return host.sh("readlink /opt/mlinabox/envs/stack/current || true").strip()


def changes(before, after):
    """Lines that only one of two lists of files has (list of str)."""
    return sorted(set(before) ^ set(after), key=lambda line: line.split(" ")[0])


@pytest.fixture(scope="module")
def mirror(request):
    """Archives of tests/mirror that a test file names in MIRROR, served to its hosts (a Mirror); None without any."""
    archives = getattr(request.module, "MIRROR", ())
    if not archives:
        yield None
        return
    making.make(sorted(set(request.module.IMAGES.values())), print, archives)
    with container.served(ssh_hosts.PREFIX + "mirror", f"{ssh_hosts.LABEL}=1") as started:
        yield started


@pytest.fixture(scope="module")
def fleet(request, tmp_path_factory, mirror):
    """The hosts of a test file, as its IMAGES (dict name -> image) says, with their own VARIABLES (dict name -> dict)
    where it has such. They go when its tests have run.

    With MLINABOX_TEST_KEEP=1 they stay for a look; `tests/hosts/hosts.py down` removes them.
    """
    module = request.module
    own = dict(getattr(module, "VARIABLES", {}))
    if "cuda" in getattr(module, "MIRROR", ()):
        # The archive in the place of NVIDIA's, and keys in the place of its keys.
        nvidia = {"cuda_repository_url": f"{ADDRESS}/cuda", "cuda_key_fingerprints": mirror.fingerprints()}
        own = {name: {**nvidia, **own.get(name, {})} for name in module.IMAGES}
    options = (mirror.host_option,) if mirror else ()
    started, inventory = ssh_hosts.up(tmp_path_factory.mktemp("hosts"), module.IMAGES, own, options)
    yield Fleet({host.name: host for host in started}, inventory)
    if not os.environ.get("MLINABOX_TEST_KEEP"):
        for host in started:
            host.remove()
