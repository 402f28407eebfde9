"""JupyterLab as a person sees it: a real browser opens it, starts a notebook on the stack's kernel and runs a cell."""

import subprocess
import sys
from pathlib import Path

import pytest

IMAGES = {"browser": "debian12"}
ROOT = Path(__file__).resolve().parents[2]
SERVER_LOCK = ROOT / "stacks" / "jupyterlab" / "locks" / "server.txt"

PLAY = """
- hosts: all
  become: true
  tasks:
    - ansible.builtin.include_role: {name: mlinabox.core.network}
    - ansible.builtin.include_role: {name: mlinabox.core.uv}
    # A kernel is all that this test wants of a stack; the server's own lock has one.
    - mlinabox.core.pip_lock:
        name: stack
        lock: LOCK
        python: /usr/bin/python3
      environment: "{{ network_environment }}"
    - ansible.builtin.include_role: {name: mlinabox.core.jupyterlab}
"""


@pytest.fixture(scope="module")
def host(fleet, tmp_path_factory):
    """A host that serves JupyterLab and has a browser of its own, since the server listens on loopback alone."""
    play = tmp_path_factory.mktemp("play") / "play.yml"
    play.write_text(PLAY.replace("LOCK", str(SERVER_LOCK)))
    command = [Path(sys.executable).with_name("ansible-playbook"), "-i", fleet.inventory, play]
    subprocess.run(command, cwd=ROOT, check=True, timeout=1800, stdin=subprocess.DEVNULL)
    host = fleet.hosts["browser"]
    install = "DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends"
    host.sh(f"apt-get -qq update && {install} chromium chromium-driver fonts-dejavu-core")
    return host


def test_a_cell_typed_in_a_browser_runs_in_the_live_generation(host):
    code = "import sys; print(sys.prefix, 6 * 7)"
    browser = (Path(__file__).parent / "browser.py").read_text()
    command = ["python3", "-", "mlbox", "8888", "ML in a Box 2023 (Python 3.11)", code]
    shown = host.run(*command, text=browser).stdout
    live = host.sh("readlink -f /opt/mlinabox/envs/stack/current").strip()
    assert shown.strip() == f"{live} 42"
