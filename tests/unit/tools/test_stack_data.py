# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stacks of this repository hold together: what stack.yml says is what its locks and its checks are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).resolve().parents[3]
STACKS = ["2022", "2023"]
FOLDERS = [ROOT / "stacks" / name for name in STACKS] + [ROOT / "tests" / "negative"]
LOCKS = sorted([*ROOT.glob("stacks/*/locks/*.txt"), *(ROOT / "tests/negative/" / n for n in ("lock.txt", "build.txt"))])


def load(folder):
    return yaml.safe_load((folder / "stack.yml").read_text())


def pins(path):
    """Return {normalised name: public version} of a lock."""
    found = {}
    for line in path.read_text().splitlines():
        pin = re.match(r"([a-z0-9-]+)(?:\[.*\])?(?:==([^ ;]+)| @ \S+/[a-z]+-([0-9.]+)%2B\S+)", line)
        if pin:
            found[pin[1]] = pin[2] or pin[3]
    return found


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_each_row_is_what_every_variant_locks_and_has_its_check(folder):
    stack = load(folder)
    for row in stack["packages"]:
        for lock in stack["environments"][row["environment"]]["variants"].values():
            assert pins(folder / lock)[row["distribution"]] == row["version"], (row["name"], lock)
        assert row["check"] == row["distribution"].replace("-", "_")
        assert (ROOT / "stacks" / "smoke" / f"{row['check']}.py").is_file(), row["check"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_each_pin_asked_for_is_in_the_lock_as_asked(folder):
    for environment in load(folder)["environments"].values():
        asked = re.findall(
            r"^([A-Za-z0-9_-]+)==(\S+)$", (folder / environment["requirements"]).read_text(), re.MULTILINE
        )
        for lock in environment["variants"].values():
            locked = pins(folder / lock)
            for name, version in asked:
                assert locked[name.lower().replace("_", "-")] == version


@pytest.mark.parametrize("name", STACKS)
def test_a_stack_pins_pip_setuptools_and_the_build_requirements(name):
    folder = ROOT / "stacks" / name
    for environment in load(folder)["environments"].values():
        for lock in environment["variants"].values():
            assert {"pip", "setuptools"} <= set(pins(folder / lock))
        assert {"setuptools", "wheel"} <= set(pins(folder / environment["build"]))


def test_the_variants_of_2022_differ_in_the_cuda_wheels_alone():
    cpu, cuda = ((ROOT / "stacks/2022/locks" / f"{v}.txt").read_text() for v in ("cpu", "cuda"))
    assert pins(ROOT / "stacks/2022/locks/cpu.txt") == pins(ROOT / "stacks/2022/locks/cuda.txt")
    assert re.findall(r"^(\S+) @ ", cuda, re.MULTILINE) == ["torch", "torchaudio", "torchvision"]
    assert " @ " not in cpu


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_a_lock_says_what_it_is_and_names_no_index(path):
    text = path.read_text()
    folder = path.parent.parent if path.parent.name == "locks" else path.parent
    file = folder / "stack.yml"
    data = yaml.safe_load((file if file.is_file() else folder / "locks.yml").read_text())
    header = text.splitlines()[0]
    assert header.startswith(f"# mlinabox lock: stack={data['name']} environment=")
    assert header.endswith(f" until={data['published']}")
    # The wheels that are on no index stand there by their maker's address, and nothing else does.
    assert set(re.findall(r"\w+://[^/\s]+", text)) <= {"https://download.pytorch.org"}
    assert not re.search(r"^\s*--(?!hash=)", text, re.MULTILINE)


#: What torch itself says (torch.cuda.get_arch_list()), and for cu116 its build script.
TORCH = {
    "2022/locks/cpu": ("10.2", "3.7 5.0 6.0 7.0"),
    "2022/locks/cuda": ("11.6", "3.7 5.0 6.0 7.0 7.5 8.0 8.6"),
    "2023/locks/cpu": ("12.1", "5.0 6.0 7.0 7.5 8.0 8.6 9.0"),
}


@pytest.mark.parametrize("lock", TORCH)
def test_what_gpu_code_a_locks_wheels_hold_is_of_the_wheels_that_it_has(lock):
    text = (ROOT / "stacks" / f"{lock}.txt").read_text()
    held = yaml.safe_load((ROOT / "stacks" / f"{lock}.gpu.yml").read_text())
    versions = pins(ROOT / "stacks" / f"{lock}.txt")
    for name, one in held.items():
        assert f"--hash=sha256:{one['sha256']}" in text
        assert one["version"].split("+")[0] == versions[name]
        assert one["cuda"] and one["architectures"] and one["read"]
        assert not re.search(r"\w+://", one["read"])
    cuda, architectures = TORCH[lock]
    assert (held["torch"]["cuda"], held["torch"]["architectures"]) == (cuda, architectures.split())


def test_each_lock_with_a_torch_says_what_it_holds():
    for path in ROOT.glob("stacks/*/locks/*.txt"):
        assert path.with_suffix(".gpu.yml").exists() == ("torch" in pins(path))


@pytest.mark.parametrize("name", STACKS)
def test_what_is_expected_to_fail_has_a_reason(name):
    for row in load(ROOT / "stacks" / name)["packages"]:
        assert row.get("expected", "works") == "works" or row["reason"]


def test_the_negative_control_expects_nothing_to_fail():
    rows = load(ROOT / "tests" / "negative")["packages"]
    assert len(rows) == 34
    assert not any("expected" in row for row in rows)
