# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file beside a lock: what ./box lock reads of wheels, what it does not read twice, what it says."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml")
pytest.importorskip("tomllib")

TOOL = Path(__file__).resolve().parents[3] / "tools" / "lock.py"
spec = importlib.util.spec_from_file_location("lock_tool_gpu", TOOL)
lock = importlib.util.module_from_spec(spec)


@pytest.fixture(autouse=True)
def index(shelf, monkeypatch):
    if not hasattr(lock, "main"):
        spec.loader.exec_module(lock)
    monkeypatch.setattr(lock, "Index", lambda _address: shelf)
    monkeypatch.setattr(lock, "index_address", lambda _option, _uv: "the index")
    return shelf


def data(stack, variant):
    return yaml.safe_load((stack / f"locks/{variant}.gpu.yml").read_text())


def test_what_the_wheel_that_a_host_takes_holds(uv, stack, capsys):
    assert lock.main([str(stack)]) == 0
    assert data(stack, "cpu") == {
        "torch": {
            "version": "1.12.1",
            "sha256": "b" * 64,
            "cuda": "10.2",
            "architectures": ["3.7", "7.0"],
            "read": "torch/lib/libtorch_python.so",
        }
    }
    assert "locks/cpu.gpu.yml: written" in capsys.readouterr().out
    assert not (stack / "locks/build.gpu.yml").exists()


def test_what_an_override_says_stands_with_its_source(uv, stack, index):
    lock.main([str(stack), "--variant", "cuda"])
    assert data(stack, "cuda") == {
        "torch": {
            "version": "1.12.1+cu116",
            "sha256": "c" * 64,
            "cuda": "11.6",
            "architectures": ["7.0", "8.0+PTX"],
            "read": "a build script",
        }
    }
    assert index.asked == []


def test_an_override_that_says_nothing_is_read_where_it_lies(uv, stack, index):
    text = (stack / "stack.yml").read_text()
    (stack / "stack.yml").write_text("".join(line for line in text.splitlines(True) if "gpu:" not in line))
    assert lock.main([str(stack), "--variant", "cuda"]) == 0
    assert set(index.asked) == {"https://wheels.example.org/torch-1.12.1%2Bcu116-cp39-cp39-linux_x86_64.whl"}
    assert data(stack, "cuda")["torch"]["architectures"] == ["3.7", "7.0"]


def test_a_wheel_is_not_read_again_unless_it_is_asked(uv, stack, index):
    lock.main([str(stack)])
    index.asked.clear()
    assert lock.main([str(stack)]) == 0
    assert lock.main([str(stack), "--check"]) == 0
    assert index.asked == []
    assert lock.main([str(stack), "--check", "--read-again"]) == 0
    assert index.asked[0] == "torch"


def test_another_wheel_is_read_anew(uv, stack, index):
    lock.main([str(stack)])
    path = stack / "locks/cpu.gpu.yml"
    path.write_text(path.read_text().replace("b" * 64, "d" * 64).replace("3.7", "9.9"))
    assert lock.main([str(stack)]) == 0
    assert data(stack, "cpu")["torch"]["architectures"] == ["3.7", "7.0"]


@pytest.mark.parametrize(
    "harm",
    [lambda path: path.unlink(), lambda path: path.write_text("torch: []\n"), lambda path: path.write_text("{")],
)
def test_check_says_what_is_not_as_it_would_be(uv, stack, capsys, harm):
    lock.main([str(stack)])
    harm(stack / "locks/cpu.gpu.yml")
    before = {path: path.read_bytes() for path in (stack / "locks").iterdir()}
    capsys.readouterr()
    assert lock.main([str(stack), "--check"]) == 1
    assert "locks/cpu.gpu.yml: not what ./box lock makes" in capsys.readouterr().out
    assert {path: path.read_bytes() for path in (stack / "locks").iterdir()} == before
    assert lock.main([str(stack)]) == 0
    assert lock.main([str(stack), "--check"]) == 0


def test_a_lock_without_gpu_code_has_no_file_and_loses_an_old_one(uv, stack, index, capsys):
    lock.main([str(stack)])
    index.put("None")
    assert lock.main([str(stack), "--variant", "cpu", "--read-again"]) == 0
    assert not (stack / "locks/cpu.gpu.yml").exists()
    assert "locks/cpu.gpu.yml: removed: no wheel of the lock holds GPU code" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "wheel", "said"),
    [
        (OSError("no route"), None, "https://index/l: no route"),
        (None, b"no wheel at all" * 10, "File is not a zip file"),
    ],
)
def test_what_cannot_be_read_is_one_line_and_the_tree_stays(uv, stack, index, capsys, error, wheel, said):
    index.errors, index.wheel = [error] if error else [], wheel or index.wheel
    assert lock.main([str(stack)]) == 2
    assert capsys.readouterr().err == f"error: torch 1.12.1: its GPU code cannot be read: {said}.\n"
    assert not (stack / "locks").exists()


@pytest.mark.parametrize(
    ("gpu", "said"),
    [
        ("[]", "gpu of torch: it has exactly the keys architectures, cuda, source"),
        ("{cuda: '11.6', architectures: ['8.0']}", "gpu of torch: it has exactly the keys architectures, cuda, source"),
        ("{cuda: '11.6', architectures: [8.0], source: x}", "architectures is a list of quoted texts"),
        ("{cuda: '11.6', architectures: [], source: x}", "architectures is a list of quoted texts"),
        ("{cuda: '11.6', architectures: ['sm_80'], source: x}", "'sm_80' is no architecture; write 8.0"),
    ],
)
def test_an_override_that_says_it_wrongly(uv, stack, capsys, gpu, said):
    lines = [
        f"          gpu: {gpu}" if "gpu:" in line else line for line in (stack / "stack.yml").read_text().splitlines()
    ]
    (stack / "stack.yml").write_text("\n".join(lines))
    assert lock.main([str(stack)]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
