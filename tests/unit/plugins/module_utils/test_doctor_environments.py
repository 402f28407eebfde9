# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the live environments' frameworks say of themselves in their files."""

from __future__ import annotations

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _doctor_environments
from ansible_collections.mlinabox.core.tests.unit.plugins.module_utils.hosts import lay_out, library, link

GENERATION = "20261121T051800Z-1f2e3d4c"
STACK = "/opt/mlinabox/envs/stack"
SITE = f"{STACK}/{GENERATION}/lib/python3.9/site-packages"
LIVE = {f"{STACK}/current": link(GENERATION), f"{STACK}/{GENERATION}/pyvenv.cfg": "version = 3.9.2\n"}
# Recorded: TensorFlow 2.9.2, cut.
BUILD_INFO = (
    "build_info = collections.OrderedDict([('cpu_compiler', '/dt9/usr/bin/gcc'), ('cuda_compute_capabilities', "
    "['sm_35', 'sm_50', 'sm_60', 'sm_70', 'sm_75', 'compute_80']), ('cuda_version', '11.2'), ('cudnn_version', '8'), "
    "('is_cuda_build', True), ('is_rocm_build', False), ('is_tensorrt_build', True)])"
)
# Recorded: torch 1.12.1 of PyPI, and how newer ones write it.
TORCH = "__version__ = '1.12.1+cu102'\ndebug = False\ncuda = '10.2'\ngit_version = '664058f'\nhip = None\n"
TORCH_NEW = "from typing import Optional\n__version__ = '2.5.1+cu124'\ncuda: Optional[str] = '12.4'\n"
TORCH_CPU = "__version__ = '2.5.1+cpu'\ncuda: Optional[str] = None\n"
#: What surrounds the string in libtorch_python.so.
TARGETS = b"\0junk sm_1\0\0sm_37 sm_50 sm_60 sm_70\0tail sm_90a\0"


def live(**dists):
    """A live environment with these distributions: {name_with_underscores: version}."""
    return {
        **LIVE,
        **{f"{SITE}/{name}-{version}.dist-info/METADATA": "" for name, version in dists.items()},
        SITE: None,
    }


def framework(tmp_path, files):
    (environment,) = _doctor_environments.look(lay_out(tmp_path, files))
    (found,) = environment["frameworks"]
    return found


@pytest.mark.parametrize(
    ("version", "text", "cuda", "cpu_only"),
    [
        ("1.12.1", TORCH, "10.2", False),
        ("2.5.1", TORCH_NEW, "12.4", False),
        ("2.5.1", TORCH_CPU, "", True),
        # Without the file the version says it.
        ("1.12.1+cu116", None, "11.6", False),
        ("2.5.1+cpu", None, "", True),
        ("2.5.1", None, "", False),
    ],
)
def test_torch(tmp_path, version, text, cuda, cpu_only):
    files = live(torch=version)
    files[f"{SITE}/torch/lib/libtorch_python.so"] = TARGETS
    if text:
        files[f"{SITE}/torch/version.py"] = text
    found = framework(tmp_path, files)
    assert (found["name"], found["version"], found["cuda"], found["cpu_only"]) == ("torch", version, cuda, cpu_only)
    assert found["architectures"] == ([] if cpu_only else ["3.7", "5.0", "6.0", "7.0"])
    assert found["wants"] == []


@pytest.mark.parametrize("content", [b"", b"nothing of that kind", None])
def test_torch_whose_architectures_nobody_can_tell(tmp_path, content):
    files = {**live(torch="2.5.1"), f"{SITE}/torch/version.py": TORCH_NEW}
    if content is not None:
        files[f"{SITE}/torch/lib/libtorch_python.so"] = content
    assert framework(tmp_path, files)["architectures"] == []


@pytest.mark.parametrize(
    ("dists", "text", "cuda", "wants"),
    [
        ({"tensorflow": "2.9.2"}, BUILD_INFO, "11.2", ["libcudart.so.11.0", "libcudnn.so.8"]),
        ({"tensorflow_gpu": "2.9.2"}, BUILD_INFO, "11.2", ["libcudart.so.11.0", "libcudnn.so.8"]),
        ({"tensorflow": "2.15.0"}, BUILD_INFO.replace("11.2", "12.2"), "12.2", ["libcudart.so.12", "libcudnn.so.8"]),
        ({"tensorflow": "2.3.0"}, BUILD_INFO.replace("11.2", "10.1"), "10.1", ["libcudart.so.10.1", "libcudnn.so.8"]),
        ({"tensorflow": "2.15.0", "nvidia_cudnn_cu12": "8.9.2.26", "nvidia_cuda_runtime_cu12": "12.1.105"},
         BUILD_INFO.replace("11.2", "12.2"), "12.2", []),
        ({"tensorflow": "2.9.2"}, "", "", []),
    ],
)  # fmt: skip
def test_tensorflow(tmp_path, dists, text, cuda, wants):
    found = framework(tmp_path, {**live(**dists), f"{SITE}/tensorflow/python/platform/build_info.py": text})
    assert (found["cuda"], found["wants"], found["cpu_only"]) == (cuda, wants, False)
    assert found["lacks"] == wants
    assert found["architectures"] == (["3.5", "5.0", "6.0", "7.0", "7.5", "8.0+PTX"] if text else [])


def test_tensorflow_finds_what_the_host_has(tmp_path):
    lib = "/usr/lib/x86_64-linux-gnu"
    files = {**live(tensorflow="2.9.2"), f"{SITE}/tensorflow/python/platform/build_info.py": BUILD_INFO}
    files[f"{lib}/libcudnn.so.8"] = library("libcudnn.so.8")
    assert framework(tmp_path, files)["lacks"] == ["libcudart.so.11.0"]


@pytest.mark.parametrize(
    ("dists", "text"),
    [({"tensorflow_cpu": "2.9.2"}, ""), ({"tensorflow": "2.9.2"}, BUILD_INFO.replace("build', True", "build', False"))],
)
def test_tensorflow_for_the_cpu(tmp_path, dists, text):
    found = framework(tmp_path, {**live(**dists), f"{SITE}/tensorflow/python/platform/build_info.py": text})
    assert (found["cpu_only"], found["wants"]) == (True, [])


@pytest.mark.parametrize(
    ("dists", "cuda", "cpu_only"),
    [
        ({"jax": "0.3.17", "jaxlib": "0.3.15+cuda11.cudnn82"}, "11", False),
        ({"jax": "0.6.1", "jaxlib": "0.6.1", "jax_cuda12_plugin": "0.6.1", "jax_cuda12_pjrt": "0.6.1"}, "12", False),
        ({"jax": "0.4.13", "jaxlib": "0.4.13"}, "", True),
    ],
)
def test_jax(tmp_path, dists, cuda, cpu_only):
    found = framework(tmp_path, live(**dists))
    assert (found["name"], found["cuda"], found["cpu_only"]) == ("jax", cuda, cpu_only)


def test_jax_without_jaxlib_is_no_framework(tmp_path):
    (environment,) = _doctor_environments.look(lay_out(tmp_path, live(jax="0.3.17")))
    assert environment["frameworks"] == []


@pytest.mark.parametrize(
    ("name", "cuda"), [("cupy_cuda12x", "12"), ("cupy_cuda117", "11.7"), ("cupy_cuda11x", "11"), ("cupy", "")]
)
def test_cupy(tmp_path, name, cuda):
    found = framework(tmp_path, live(**{name: "12.2.0"}))
    assert (found["name"], found["cuda"], found["cpu_only"]) == ("cupy", cuda, False)


def test_the_cudnn_that_an_environment_brings(tmp_path):
    files = live(torch="2.1.1", nvidia_cudnn_cu12="8.9.2.26")
    files[f"{SITE}/nvidia/cudnn/lib/libcudnn.so.8"] = library("libcudnn.so.8")
    files[f"{SITE}/nvidia/cudnn/lib/libcudnn_ops_infer.so.8"] = library("libcudnn_ops_infer.so.8")
    files[f"{SITE}/nvidia/cublas/lib/libcublas.so.12"] = library("libcublas.so.12")
    files[f"{SITE}/torch/lib/libcudnn.so.8"] = library("libcudnn.so.8")
    (environment,) = _doctor_environments.look(lay_out(tmp_path, files))
    assert environment["cudnn"] == [
        {
            "folder": f"{SITE}/nvidia/cudnn/lib",
            "names": ["libcudnn.so.8", "libcudnn_ops_infer.so.8"],
            "version": "8.9.2",
        },
        {"folder": f"{SITE}/torch/lib", "names": ["libcudnn.so.8"], "version": ""},
    ]


def test_what_is_not_live(tmp_path):
    root = lay_out(tmp_path, {**live(torch="2.5.1"), "/opt/mlinabox/envs/other/current": link("gone")})
    assert [environment["name"] for environment in _doctor_environments.look(root)] == ["stack"]
    found = _doctor_environments.look(root, wanted=["other", "../x"])
    assert [sorted(environment) for environment in found] == [["missing", "name"]] * 2
    assert "no live generation" in found[0]["missing"]


def test_a_generation_without_packages_is_said_to_be_none(tmp_path):
    (environment,) = _doctor_environments.look(lay_out(tmp_path, LIVE))
    assert "is not an environment" in environment["missing"]


def test_no_box_has_no_environments(tmp_path):
    assert _doctor_environments.look(str(tmp_path)) == []
