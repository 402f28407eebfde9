# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The layers `driver for toolkit` and `architectures`: the driver and the GPUs against what is on the host."""

from __future__ import annotations

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _doctor_fit, _loader
from ansible_collections.mlinabox.core.tests.unit.plugins.module_utils.hosts import cache, lay_out, library, link


def info(version, *gpus):
    """What gpu_info returns, as far as it counts here: gpus are (name, compute capability)."""
    return {
        "kind": "gpu",
        "driver": {"version": version, "nvml": version, "library": version, "cuda": "", "loaded": True},
        "gpus": [
            {
                "name": name,
                "compute_capability": capability,
                "device": "",
                "address": "",
                "driver": "nvidia",
                "lost": False,
            }
            for name, capability in gpus
        ],
    }


A100, H100, M4000, V100 = ("A100", "8.0"), ("H100", "9.0"), ("Quadro M4000", "5.2"), ("V100", "7.0")


def toolkit(version):
    return {"path": f"/usr/local/cuda-{version[:4]}", "named": version[:4], "version": version}


def environment(name, version, cuda, architectures, cpu_only=False):
    framework = {
        "name": name,
        "distribution": name,
        "version": version,
        "cuda": cuda,
        "architectures": architectures,
        "cpu_only": cpu_only,
    }
    return {"name": "stack", "frameworks": [framework]}


CU102 = environment("torch", "1.12.1", "10.2", ["3.7", "5.0", "6.0", "7.0"])
CU116 = environment("torch", "1.12.1+cu116", "11.6", ["3.7", "5.0", "6.0", "7.0", "7.5", "8.0", "8.6"])
CU121 = environment("torch", "2.1.1", "12.1", ["5.0", "6.0", "7.0", "7.5", "8.0", "8.6", "9.0"])
CPU = environment("torch", "2.1.1+cpu", "", [], cpu_only=True)


@pytest.mark.parametrize(
    ("host", "toolkits", "environments", "codes"),
    [
        (info("535.129.03", A100), [toolkit("12.1.1")], [CU121], []),
        (info("515.65.01", A100), [toolkit("11.7.1")], [CU116], []),
        (info("515.65.01", A100), [], [CPU], []),
        # Minor-version compatibility.
        (info("470.57.02", A100), [toolkit("11.7.1")], [CU116], ["driver-older-than-toolkit"]),
        (info("470.57.02", A100), [toolkit("12.1.1")], [], ["driver-too-old-for-toolkit"]),
        (info("470.57.02", A100), [], [CU121], ["driver-too-old-for-environment"]),
        (info("535.129.03", A100), [toolkit("13.0.2")], [], ["driver-too-old-for-toolkit"]),
        (info("515.65.01", A100), [], [CU102], ["no-architecture"]),
        (info("525.60.13", H100), [], [CU116], ["no-architecture"]),
        (info("525.60.13", H100, A100), [], [CU116], ["no-architecture-for-some"]),
        (info("580.95.05", M4000), [toolkit("13.0.2")], [], ["toolkit-dropped-gpu"]),
        (info("525.60.13", H100), [toolkit("11.7.1")], [], ["toolkit-before-gpu"]),
        (info("525.60.13", H100), [], [environment("tensorflow", "2.9.2", "11.2", ["7.5", "8.0+PTX"])], ["ptx-only"]),
        (info("535.129.03", V100), [toolkit("12.1.1"), toolkit("11.7.1")], [CU121], []),
    ],
)  # fmt: skip
def test_what_suits(host, toolkits, environments, codes):
    found = _doctor_fit.judge(host, toolkits, environments)
    assert [one["code"] for one in found] == codes
    for one in found:
        assert one["text"].endswith(".") and one["text"].count(". ") == 0
        assert one["cure"].endswith(".") or one["code"] in ("driver-older-than-toolkit", "ptx-only")


def test_a_broken_boxes_kind_does_not_keep_it_from_being_judged():
    host = {**info("515.65.01", A100), "kind": "broken"}
    assert [one["code"] for one in _doctor_fit.judge(host, [], [CU102])] == ["no-architecture"]


def test_the_stacks_data_counts_where_the_wheel_does_not_tell():
    silent = environment("torch", "1.12.1", "10.2", [])
    host = info("515.65.01", A100)
    assert _doctor_fit.judge(host, [], [silent]) == []
    found = _doctor_fit.judge(host, [], [silent], {"torch": ["3.7", "7.0"]})
    assert [one["code"] for one in found] == ["no-architecture"]


def test_forward_compatibility_counts_in_the_drivers_place(tmp_path):
    compat = "/usr/local/cuda-12.4/compat"
    files = {
        f"{compat}/libcuda.so.1": link("libcuda.so.550.54.15"),
        f"{compat}/libcuda.so.550.54.15": library("libcuda.so.1"),
        "/usr/lib/x86_64-linux-gnu/libcuda.so.1": library("libcuda.so.1"),
    }
    own = ("libcuda.so.1", "/usr/lib/x86_64-linux-gnu/libcuda.so.1")
    first = ("libcuda.so.1", f"{compat}/libcuda.so.1")
    for number, (entries, version) in enumerate([([own], ""), ([own, first], ""), ([first, own], "550.54.15")]):
        root = lay_out(tmp_path / str(number), {**files, "/etc/ld.so.cache": cache(entries)})
        assert _doctor_fit.compatible_driver(root, _loader.look(root)) == version
    host = info("470.57.02", A100)
    assert [one["code"] for one in _doctor_fit.judge(host, [toolkit("12.4.1")], [])] == ["driver-too-old-for-toolkit"]
    assert _doctor_fit.judge(host, [toolkit("12.4.1")], [], compatible="550.54.15") == []
