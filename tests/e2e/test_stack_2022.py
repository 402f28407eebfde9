"""The stack of 2022, whole, on Debian 11: what its published pins come to without a lock, then with one."""

import json
import shutil
import subprocess
import time

import pytest
import yaml
from conftest import ROOT

IMAGES = {"stack2022": "debian11"}

#: The nine of the published table's 34 packages that do not work when only these 34 are pinned.
NINE = {
    *("gdown", "wandb", "XGBoost", "spaCy", "TensorFlow", "Jax", "Datasets", "Sentence Transformers", "opencv-python"),
}
#: All of the tools are over 600 packages; their own scenario looks after them.
FEW_TOOLS = ("-e", '{"tools_groups": ["archive"]}')
CURRENT = "readlink /opt/mlinabox/envs/stack/current || true"


@pytest.fixture(scope="module")
def host(fleet):
    return fleet.hosts["stack2022"]


@pytest.fixture(scope="module")
def box(fleet):
    """The box of 2022, made once."""
    fleet.box("site", *FEW_TOOLS).well()
    return fleet


def table(output):
    """Rows of the printed table: name -> rest of the line (dict). Empty when none was printed."""
    lines = output.replace("\\n", "\n").splitlines()
    start = next((number for number, line in enumerate(lines) if "Version wanted" in line), len(lines))
    rows = {}
    for line in lines[start + 2 :]:
        name, _gap, rest = line.strip().partition("  ")
        if not rest:
            break
        rows[name] = rest.strip()
    return rows


def test_the_pins_alone_install_but_nine_do_not_work_and_nothing_goes_live(fleet, host, tmp_path):
    # First of all, because later the host has libgl1, without which cv2 is one of the nine.
    stack = tmp_path / "negative"
    shutil.copytree(ROOT / "tests" / "negative", stack)
    shutil.copytree(ROOT / "stacks" / "smoke", tmp_path / "smoke")
    result = fleet.box("site", "--tags", "pip_stack", "-e", f"stack_name={stack}").failed_once()
    assert {check["name"] for check in result["checks"] if not check["ok"]} == NINE
    assert "does not go live" in result["msg"]
    assert host.sh(CURRENT) == ""
    assert host.sh("find /opt/mlinabox/envs/stack -name state.json") == ""


def test_all_of_it_works_but_jax_whose_reason_is_printed(box):
    rows = table(box.box("verify").well().output)
    published = yaml.safe_load((ROOT / "stacks" / "2022" / "stack.yml").read_text())["packages"]
    assert [row["name"] for row in published] == list(rows)
    broken = [name for name, rest in rows.items() if rest.split()[2] != "yes"]
    assert broken == ["Jax"]
    assert "jaxlib" in rows["Jax"]


def test_again_it_changes_nothing(box):
    assert box.box("site", *FEW_TOOLS).well().recap["stack2022"]["changed"] == 0


def test_plan_has_nothing_to_do(box):
    assert box.box("plan", *FEW_TOOLS).well().recap["stack2022"]["changed"] == 0


#: In a notebook: says that it is up, waits, and imports late, in itself and in a child.
LATE_CELL = """
import os, subprocess, sys, time
open(os.path.expanduser("~/up"), "w").close()
while not os.path.exists(os.path.expanduser("~/go")):
    time.sleep(0.2)
import tabulate
child = [sys.executable, "-c", "import tabulate; print(tabulate.__file__)"]
print(tabulate.__file__, subprocess.check_output(child, text=True))
"""


@pytest.mark.full
def test_a_notebooks_kernel_keeps_its_generation_through_a_switch_and_a_rollback(box, host, tmp_path):
    first = host.sh(CURRENT).strip()
    # The same stack without one leaf is another lock.
    stack = tmp_path / "2022"
    shutil.copytree(ROOT / "stacks" / "2022", stack)
    shutil.copytree(ROOT / "stacks" / "smoke", tmp_path / "smoke")
    data = yaml.safe_load((stack / "stack.yml").read_text())
    data["packages"] = [row for row in data["packages"] if row["distribution"] != "jsonify"]
    data["environments"]["stack"]["built_from_source"].remove("jsonify")
    (stack / "stack.yml").write_text(yaml.safe_dump(data))
    lock = stack / "locks" / "cpu.txt"
    head, _pin, rest = lock.read_text().partition("\njsonify==")
    lock.write_text(head + rest[rest.index("\n", rest.index("    # via")) :] if rest else head)

    probe = (ROOT / "roles" / "jupyterlab" / "files" / "probe.py").read_text()
    command = ["/opt/mlinabox/envs/jupyterlab/launch", "python", "-I", "-", "8888"]
    command += ["/etc/mlinabox/jupyterlab/mlbox/token", "mlinabox-2022"]
    notebook = subprocess.Popen(
        ["docker", "exec", "-i", "--env", f"PROBE_CODE={LATE_CELL}", "--workdir", "/", host.container, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    notebook.stdin.write(probe)
    notebook.stdin.close()
    notebook.stdin = None
    home = host.sh("getent passwd mlbox").split(":")[5]
    for _attempt in range(300):
        if host.run("test", "-e", f"{home}/up", check=False).returncode == 0:
            break
        time.sleep(0.2)
    else:
        pytest.fail("the kernel did not run the cell within a minute")

    box.box("site", *FEW_TOOLS, "--tags", "pip_stack", "-e", f"stack_name={stack}").well()
    assert host.sh(CURRENT).strip() != first
    host.sh(f"touch {home}/go")
    written, _none = notebook.communicate(timeout=120)
    paths = json.loads(written)["printed"].split()
    assert len(paths) == 2 and all(path.startswith(f"/opt/mlinabox/envs/stack/{first}/") for path in paths), paths

    box.box("rollback").well()
    assert host.sh(CURRENT).strip() == first
    box.box("verify").well()
