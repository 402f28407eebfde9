"""A notebook that is open while the box changes under it: its kernel keeps importing what it was started with."""

import json
import re
import shutil
import subprocess
import time

import pytest
import yaml
from conftest import FEW_TOOLS, ROOT, live

IMAGES = {"notebook": "debian11"}

#: Says that it is up, waits, and imports late, in itself and in a child.
CELL = """
import os, subprocess, sys, time
open(os.path.expanduser("~/up"), "w").close()
while not os.path.exists(os.path.expanduser("~/go")):
    time.sleep(0.2)
import tabulate
child = [sys.executable, "-c", "import tabulate; print(tabulate.__file__)"]
print(tabulate.__file__, subprocess.check_output(child, text=True))
"""


def without_jsonify(folder):
    """Writes the stack of 2022 without one leaf to `folder`/2022; returns its path. That is another lock."""
    stack = folder / "2022"
    shutil.copytree(ROOT / "stacks" / "2022", stack)
    shutil.copytree(ROOT / "stacks" / "smoke", folder / "smoke")
    data = yaml.safe_load((stack / "stack.yml").read_text())
    data["packages"] = [row for row in data["packages"] if row["distribution"] != "jsonify"]
    data["environments"]["stack"]["built_from_source"].remove("jsonify")
    (stack / "stack.yml").write_text(yaml.safe_dump(data))
    lock = stack / "locks" / "cpu.txt"
    text, found = re.subn(r"^jsonify==.*?(?=^[^\s#])", "", lock.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert found == 1
    lock.write_text(text)
    return stack


def open_notebook(host):
    """Runs CELL through the notebook server of the person mlbox; returns the process once the cell waits (Popen)."""
    probe = (ROOT / "roles" / "jupyterlab" / "files" / "probe.py").read_text()
    command = ["/opt/mlinabox/envs/jupyterlab/launch", "python", "-I", "-c", probe, "8888"]
    command += ["/etc/mlinabox/jupyterlab/mlbox/token", "mlinabox-2022"]
    notebook = subprocess.Popen(
        ["docker", "exec", "--env", f"PROBE_CODE={CELL}", "--workdir", "/", host.container, *command],
        stdout=subprocess.PIPE,
        text=True,
    )
    for _attempt in range(300):
        if host.run("sh", "-c", "test -e ~mlbox/up", check=False).returncode == 0:
            return notebook
        time.sleep(0.2)
    notebook.kill()
    pytest.fail("the kernel did not run the cell within a minute")


def test_its_kernel_keeps_its_generation_through_a_switch_and_rollback_returns(fleet, tmp_path):
    host = fleet.hosts["notebook"]
    fleet.box("site", *FEW_TOOLS).well()
    first = live(host)

    notebook = open_notebook(host)
    fleet.box("site", "--tags", "pip_stack", "-e", f"stack_name={without_jsonify(tmp_path)}").well()
    assert live(host) != first
    host.sh("touch ~mlbox/go")
    written, _none = notebook.communicate(timeout=120)
    paths = json.loads(written)["printed"].split()
    assert len(paths) == 2
    assert [path for path in paths if not path.startswith(f"/opt/mlinabox/envs/stack/{first}/")] == []

    fleet.box("rollback").well()
    assert live(host) == first
    fleet.box("verify", *FEW_TOOLS).well()
