"""The stack of 2022, whole, on Debian 11: what its published pins come to without a lock, then with one."""

import shutil

import pytest
import yaml
from conftest import FEW_TOOLS, ROOT, live

IMAGES = {"stack2022": "debian11"}

#: The nine of the published table's 34 packages that do not work when only these 34 are pinned.
NINE = {
    *("gdown", "wandb", "XGBoost", "spaCy", "TensorFlow", "Jax", "Datasets", "Sentence Transformers", "opencv-python"),
}


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
    assert live(host) == ""
    assert host.sh("find /opt/mlinabox/envs/stack -name state.json") == ""


def test_all_of_it_works_but_jax_whose_reason_is_printed(box):
    rows = table(box.box("verify", *FEW_TOOLS).well().output)
    published = yaml.safe_load((ROOT / "stacks" / "2022" / "stack.yml").read_text())["packages"]
    assert [row["name"] for row in published] == list(rows)
    broken = [name for name, rest in rows.items() if rest.split()[2] != "yes"]
    assert broken == ["Jax"]
    assert "jaxlib" in rows["Jax"]


def test_again_it_changes_nothing(box):
    assert box.box("site", *FEW_TOOLS).well().recap["stack2022"]["changed"] == 0


def test_plan_has_nothing_to_do(box):
    assert box.box("plan", *FEW_TOOLS).well().recap["stack2022"]["changed"] == 0
