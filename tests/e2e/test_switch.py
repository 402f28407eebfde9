"""A switch and the way back, as who works on the box sees them: what runs keeps what it was started with."""

import json
import subprocess

import pytest
import small_stack
from conftest import live

IMAGES = {"switch": "debian11"}
PYTHON = "3.9"
PYTHON_COMMAND = "/opt/mlinabox/bin/python"

#: Waits for a line, then imports: late, as a notebook does, in itself and in a child.
LATE = """
import json, subprocess, sys
print("up", flush=True)
sys.stdin.readline()
import six
child = subprocess.run([sys.executable, "-c", "import six; print(six.__file__)"], stdout=subprocess.PIPE, text=True)
print(json.dumps([six.__version__, six.__file__, child.stdout.strip()]), flush=True)
"""


@pytest.fixture(scope="module")
def host(fleet):
    return fleet.hosts["switch"]


@pytest.fixture(scope="module")
def site(fleet, tmp_path_factory):
    """Makes the host a box of six in a version (str); returns the Run."""
    folder = tmp_path_factory.mktemp("stacks")

    def run(version):
        stack = folder / version / "small"
        path = str(stack) if stack.exists() else small_stack.make(stack, PYTHON, version=version)
        return fleet.box("site", "--tags", "pip_stack", "-e", f"stack_name={path}").well()

    return run


def version_of(host):
    return host.sh(f"cd / && runuser -u nobody -- {PYTHON_COMMAND} -c 'import six; print(six.__version__)'").strip()


def start_late(host):
    """A Python of the box, as an ordinary user, that has not imported six yet (Popen)."""
    command = ["docker", "exec", "-i", "--workdir", "/", host.container, "runuser", "-u", "nobody", "--"]
    process = subprocess.Popen(
        [*command, PYTHON_COMMAND, "-c", LATE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "up\n"
    return process


def finish_late(process):
    """What it then imported: version, path, and the path that a child of it imported (list of str)."""
    written, _none = process.communicate("go\n", timeout=60)
    return json.loads(written)


def test_what_runs_keeps_its_generation_and_rollback_returns(fleet, host, site):
    site("1.16.0")
    assert version_of(host) == "1.16.0"
    first = live(host)

    runs = start_late(host)
    assert site("1.17.0").recap["switch"]["changed"] > 0
    assert version_of(host) == "1.17.0"
    version, path, childs_path = finish_late(runs)
    assert version == "1.16.0"
    assert path == childs_path
    assert path.startswith(f"/opt/mlinabox/envs/stack/{first}/")

    runs = start_late(host)
    fleet.box("rollback").well()
    assert version_of(host) == "1.16.0"
    assert live(host) == first
    assert finish_late(runs)[0] == "1.17.0"

    # What was rolled back to is what the first lock asks for, and the newer generation is still there to go to.
    assert site("1.16.0").recap["switch"]["changed"] == 0
    generations = fleet.box("generations").well().output
    assert f"* {first}" in generations
    assert generations.count("1 packages") == 2
    assert site("1.17.0").recap["switch"]["changed"] > 0
    assert version_of(host) == "1.17.0"
