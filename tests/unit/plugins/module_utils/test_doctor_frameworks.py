# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The layer `frameworks`: packages that stand for torch and its like, in an environment that our own Python runs.

They answer as the real ones do; the words are recorded from torch 1.12.1 and TensorFlow 2.9.2 where no driver is.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _doctor_frameworks, _doctor_probe
from ansible_collections.mlinabox.core.tests.unit.plugins.module_utils.hosts import lay_out
from ansible_collections.mlinabox.core.tests.unit.plugins.module_utils.smoke import PYTHON, alive

ME = pwd.getpwuid(os.geteuid()).pw_name

# Stands for torch: matrices are lists, and `@` multiplies them by the book unless told to err.
TORCH = """
import types
ERROR, WRONG, GPUS, AVAILABLE = {error!r}, {wrong!r}, {gpus!r}, {available!r}
class Tensor(list):
    def __matmul__(self, other):
        columns = list(zip(*other))
        found = Tensor([[sum(a * b for a, b in zip(row, column)) for column in columns] for row in self])
        if WRONG:
            found[3][4] += 1
        return found
    def reshape(self, *shape):
        return self
    def tolist(self):
        if ERROR:
            raise RuntimeError(ERROR)
        return list(self)
def init():
    raise RuntimeError("Found no NVIDIA driver on your system.")
def conv2d(picture, kernel):
    inner = len(picture) - len(kernel) + 1
    return Tensor([[sum(picture[r + i][c + j] * kernel[i][j] for i in range(3) for j in range(3))
                    for c in range(inner)] for r in range(inner)])
def tensor(data, device=None):
    return Tensor(data)
def device(kind, number):
    return (kind, number)
version = types.SimpleNamespace(cuda={cuda!r})
cuda = types.SimpleNamespace(
    is_available=lambda: AVAILABLE, init=init, device_count=lambda: len(GPUS), get_device_name=lambda n: GPUS[n]
)
nn = types.SimpleNamespace(functional=types.SimpleNamespace(conv2d=conv2d))
"""
WELL = {"error": "", "wrong": False, "gpus": ["NVIDIA A100", "NVIDIA A100"], "available": True, "cuda": "11.6"}
NO_GPU = {**WELL, "gpus": [], "available": False}
TENSORFLOW = r"""
import os, types
os.write(2, b"2026-11-21 17:09:06.628105: W tensorflow/stream_executor/platform/default/dso_loader.cc:64] "
            b"Could not load dynamic library 'libcudnn.so.8'; dlerror: libcudnn.so.8: cannot open shared object file\n")
test = types.SimpleNamespace(is_built_with_cuda=lambda: True)
config = types.SimpleNamespace(set_soft_device_placement=lambda on: None, list_physical_devices=lambda kind: [])
"""


@pytest.fixture
def place(scratch):
    """A folder that the environment and the homes of its processes lie in; goes before the test's end."""
    folder = os.path.join(scratch, "x")
    os.mkdir(folder)
    yield folder
    shutil.rmtree(folder)


def environment(place, frameworks, cpu_only=False):
    """An environment whose Python is this machine's, with packages {name: text}."""
    said = subprocess.run([PYTHON, "-V"], capture_output=True, text=True, check=True).stdout
    version = ".".join(said.split()[1].split(".")[:2])
    files = {"/env/pyvenv.cfg": f"home = {os.path.dirname(PYTHON)}\nversion = {version}.0\n", "/env/bin": None}
    for name, text in frameworks.items():
        files[f"/env/lib/python{version}/site-packages/{name}/__init__.py"] = text
    lay_out(place, files)
    os.symlink(PYTHON, os.path.join(place, "env/bin/python"))
    listed = [{"name": name, "version": "1.0", "cpu_only": cpu_only} for name in frameworks]
    return {"name": "stack", "python": f"{place}/env/bin/python", "frameworks": listed}


def tried(place, frameworks, variables=(), timeout=20, **others):
    one = environment(place, frameworks, **others)
    os.mkdir(f"{place}/homes")
    results = _doctor_frameworks.look([one], "/", variables, timeout, ME, f"{place}/homes")
    assert os.listdir(f"{place}/homes") == []
    return results, _doctor_frameworks.judge(results)


@pytest.mark.parametrize(
    ("text", "status", "code", "words"),
    [
        (TORCH.format(**WELL), "works", "", ""),
        (TORCH.format(**NO_GPU), "on-cpu", "framework-on-cpu", "Found no NVIDIA driver"),
        (TORCH.format(**{**WELL, "cuda": None}), "cpu-build", "framework-cpu-build", "built without CUDA"),
        (TORCH.format(**{**WELL, "wrong": True}), "wrong", "framework-wrong", "a product of matrices"),
        (
            TORCH.format(**{**WELL, "error": "CUDA error: no kernel image is available for execution on the device"}),
            "fails",
            "framework-fails",
            "no kernel image is available",
        ),
        (
            TORCH.format(**{**WELL, "error": "CUDA out of memory. Tried to allocate 2 MiB"}),
            "busy",
            "gpu-busy",
            "in use",
        ),
        ("import nosuch", "fails", "framework-fails", "ModuleNotFoundError: No module named 'nosuch'"),
        ("raise OSError('libcudnn.so.8: cannot open shared object file')", "fails", "framework-fails", "libcudnn.so.8"),
        ("import os; os.abort()", "fails", "framework-fails", "killed by SIGABRT"),
        ("import os; os._exit(3)", "fails", "framework-fails", "status 3"),
        ("import time; time.sleep(60)", "hangs", "framework-hangs", "no answer within 1 s"),
        ("raise SystemExit('x')", "fails", "framework-fails", "x"),
    ],
)
def test_torch(place, text, status, code, words):
    results, found = tried(place, {"torch": text}, timeout=1 if status == "hangs" else 20)
    assert [result["status"] for result in results] == [status]
    assert [one["code"] for one in found] == ([code] if code else [])
    assert words in (found[0]["text"] if found else "")
    if status == "works":
        assert results[0]["gpus"] == WELL["gpus"]


def test_tensorflow_in_silence_on_the_cpu_and_its_own_words(place):
    _results, found = tried(place, {"tensorflow": TENSORFLOW})
    assert [one["code"] for one in found] == ["framework-on-cpu"]
    assert "says: Could not load dynamic library 'libcudnn.so.8'" in found[0]["text"]
    assert "role cudnn" in found[0]["cure"]


def test_what_was_built_for_the_cpu_is_not_even_started(place):
    results, found = tried(place, {"torch": "import nosuch"}, cpu_only=True)
    assert ([result["seconds"] for result in results], [one["code"] for one in found]) == (
        [0.0],
        ["framework-cpu-build"],
    )


def test_a_variable_that_hides_the_gpus_is_named(place):
    variables = [{"file": "/etc/environment", "name": "CUDA_VISIBLE_DEVICES", "value": "-1"}]
    _results, found = tried(place, {"torch": TORCH.format(**NO_GPU)}, variables)
    assert "/etc/environment sets CUDA_VISIBLE_DEVICES" in found[0]["text"]
    assert found[0]["cure"] == "Take CUDA_VISIBLE_DEVICES out of /etc/environment and log in again."


@pytest.mark.parametrize(
    ("value", "hides"), [("", True), ("-1", True), ("none", True), ("0", False), ("GPU-1f", False)]
)
def test_which_values_hide_them(value, hides):
    assert _doctor_frameworks._hides({"name": "CUDA_VISIBLE_DEVICES", "value": value}) is hides


def test_what_a_login_sets_reaches_it_and_nothing_else(place, monkeypatch):
    monkeypatch.setenv("CUDA_SECRET", "x")
    variables = [
        {"file": "/etc/environment", "name": "LD_LIBRARY_PATH", "value": "/opt/cudnn/lib64"},
        {"file": "/etc/environment", "name": "PATH", "value": "/no"},
        {"file": "/etc/environment", "name": "TF_ENABLE_ONEDNN_OPTS", "value": "0"},
    ]
    text = (
        "import os\n"
        "assert os.environ['LD_LIBRARY_PATH'] == '/opt/cudnn/lib64' and os.environ['TF_ENABLE_ONEDNN_OPTS'] == '0'\n"
        "assert 'CUDA_SECRET' not in os.environ and os.environ['PATH'] != '/no'\n"
    )
    results, _found = tried(place, {"torch": text + TORCH.format(**WELL)}, variables)
    assert [result["status"] for result in results] == ["works"], results[0]["words"]


def test_what_hangs_leaves_nothing_running(place):
    mark = f"doctor-hangs-{os.getpid()}"
    text = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import time; time.sleep(300)', '{mark}'])"
    tried(place, {"torch": text}, timeout=1)
    assert alive(mark) == []


@pytest.mark.parametrize(
    ("problem", "log", "status"),
    [
        ("", "", "fails"),
        ("killed by SIGSEGV", "some words\n", "fails"),
        ("", f"{_doctor_probe.MARK}[]\n", "fails"),
        ("", f"{_doctor_probe.MARK}not json\n", "fails"),
        ("", f'{_doctor_probe.MARK}{{"framework": "jax", "gpus": []}}\n', "on-cpu"),
        ("", f'{_doctor_probe.MARK}{{"framework": "jax", "error": "RuntimeError: Unknown backend"}}\n', "on-cpu"),
        ("no answer within 9 s", "", "hangs"),
    ],
)  # fmt: skip
def test_answers_that_are_none(problem, log, status):
    assert _doctor_frameworks.read(problem, log)["status"] == status


def test_the_book():
    one, other = [[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]
    assert _doctor_probe.product(one, other) == [[19, 22], [43, 50]]
    assert _doctor_probe.convolution([[1, 2, 3], [4, 5, 6], [7, 8, 9]], [[1, 0], [0, 1]]) == [[6, 8], [12, 14]]


def test_an_environment_that_is_not_live_is_said():
    found = _doctor_frameworks.judge([], [{"name": "x", "missing": "it has no live generation"}])
    assert [one["code"] for one in found] == ["environment-not-live"]
