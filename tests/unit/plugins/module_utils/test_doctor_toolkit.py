# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The layer `toolkit`: what lies in /usr/local, what the compiler answers, where links and ld.so.conf lead."""

from __future__ import annotations

import json

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _doctor_toolkit
from ansible_collections.mlinabox.core.tests.unit.plugins.module_utils.hosts import cache, lay_out, library, link

# Recorded: nvcc 11.7.
NVCC = """#!/bin/sh
cat <<'END'
nvcc: NVIDIA (R) Cuda compiler driver
Copyright (c) 2005-2022 NVIDIA Corporation
Built on Wed_Jun__8_16:49:14_PDT_2022
Cuda compilation tools, release 11.7, V11.7.99
Build cuda_11.7.r11.7/compiler.31442593_0
END
"""
LIB = "/targets/x86_64-linux/lib"
WHOLE = {
    "/usr/local/cuda": link("/etc/alternatives/cuda"),
    "/etc/alternatives/cuda": link("/usr/local/cuda-11.7"),
    "/usr/local/cuda-11": link("/etc/alternatives/cuda-11"),
    "/etc/alternatives/cuda-11": link("/usr/local/cuda-11.7"),
    "/usr/local/cuda-11.7/version.json": json.dumps({"cuda": {"name": "CUDA SDK", "version": "11.7.1"}}),
    "/usr/local/cuda-11.7/bin/nvcc": NVCC,
    f"/usr/local/cuda-11.7{LIB}/libcudart.so.11.0": library("libcudart.so.11.0"),
    "/etc/ld.so.conf": "include /etc/ld.so.conf.d/*.conf\n",
    "/etc/ld.so.conf.d/000_cuda.conf": f"/usr/local/cuda{LIB}\n",
    "/etc/ld.so.conf.d/x86_64-linux-gnu.conf": "/usr/local/lib/x86_64-linux-gnu\n",
    "/etc/ld.so.cache": cache([("libcudart.so.11.0", f"/usr/local/cuda{LIB}/libcudart.so.11.0")]),
}


def without(*paths):
    return {path: content for path, content in WHOLE.items() if not path.startswith(paths)}


def examined(tmp_path, files):
    seen = _doctor_toolkit.look(lay_out(tmp_path, files), timeout=1)
    return seen, _doctor_toolkit.judge(seen)


def test_a_whole_toolkit(tmp_path):
    seen, found = examined(tmp_path, WHOLE)
    assert found == []
    assert [toolkit["version"] for toolkit in seen["toolkits"]] == ["11.7.1"]
    assert seen["toolkits"][0]["nvcc"]["release"] == "11.7"
    assert _doctor_toolkit.text(seen) == "CUDA 11.7.1: its compiler answers."


def test_no_toolkit_is_nothing_wrong(tmp_path):
    seen, found = examined(tmp_path, {"/usr/local/lib": None, "/etc/ld.so.conf.d/x.conf": "/nowhere\n"})
    assert found == []
    assert _doctor_toolkit.text(seen).startswith("No CUDA toolkit")


def test_debians_own(tmp_path):
    seen, found = examined(tmp_path, {"/usr/lib/nvidia-cuda-toolkit/bin/nvcc": NVCC})
    assert found == []
    assert seen["toolkits"][0]["path"] == "/usr/lib/nvidia-cuda-toolkit"


def test_a_runtime_without_a_compiler_is_nothing_wrong(tmp_path):
    seen, found = examined(tmp_path, without("/usr/local/cuda-11.7/bin"))
    assert (found, seen["toolkits"][0]["nvcc"]) == ([], None)


def test_a_toolkit_of_old_tells_its_version_in_a_text(tmp_path):
    files = {"/usr/local/cuda-10.2/version.txt": "CUDA Version 10.2.89\n"}
    seen, _found = examined(tmp_path, files)
    assert seen["toolkits"][0]["version"] == "10.2.89"


@pytest.mark.parametrize(
    ("files", "code", "words"),
    [
        (
            {**without("/etc/alternatives/cuda", "/etc/ld.so.conf.d/000"),
             "/etc/alternatives/cuda": link("/usr/local/cuda-11.6"),
             "/etc/alternatives/cuda-11": link("/usr/local/cuda-11.7")},
            "toolkit-link-dangles",
            "/usr/local/cuda leads to /usr/local/cuda-11.6",
        ),
        (
            {"/usr/local/cuda": link("/etc/alternatives/cuda"), "/etc/alternatives/cuda": link("/usr/local/cuda-11.6")},
            "toolkit-link-left-over",
            "/usr/local/cuda-11.6",
        ),
        ({"/usr/local/cuda-12": link("cuda-12")}, "toolkit-link-left-over", "leads to itself"),
        (
            {**without("/usr/local/cuda-11.7/bin"), "/usr/local/cuda-11.7/bin/nvcc": "#!/bin/sh\nexit 127\n"},
            "nvcc-fails",
            "ended with 127",
        ),
        (
            {**without("/usr/local/cuda-11.7/bin"), "/usr/local/cuda-11.7/bin/nvcc": "#!/bin/sh\nsleep 60\n"},
            "nvcc-fails",
            "does not answer",
        ),
        (
            {**without("/usr/local/cuda-11.7/bin"), "/usr/local/cuda-11.7/bin/nvcc": link("/usr/bin/gone")},
            "nvcc-fails",
            "does not start",
        ),
        (
            {**without("/usr/local/cuda-11.7/bin"), "/usr/local/cuda-11.7/bin/nvcc": NVCC.replace("11.7", "12.1")},
            "toolkit-mixed",
            "compiler of CUDA 12.1",
        ),
        (
            {**without("/usr/local/cuda-11.7/version"),
             "/usr/local/cuda-11.7/version.json": '{"cuda":{"version":"11.70.1"}}'},
            "toolkit-mixed",
            "11.70.1",
        ),
        (
            {**without("/etc/ld.so.cache"), "/etc/ld.so.cache": cache([("libc.so.6", "/lib/libc.so.6")])},
            "toolkit-not-in-cache",
            "libcudart.so.11.0",
        ),
        (
            {**WHOLE, "/etc/ld.so.conf.d/cuda-10.conf": "/usr/local/cuda-10.2/lib64\n"},
            "loader-path-nowhere",
            "/etc/ld.so.conf.d/cuda-10.conf names /usr/local/cuda-10.2/lib64",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong(tmp_path, files, code, words):
    _seen, found = examined(tmp_path, files)
    assert [one["code"] for one in found] == [code]
    assert words in found[0]["text"]
    assert found[0]["cure"].endswith(".")


def test_a_day_in_the_place_of_an_update_is_no_update(tmp_path):
    files = {"/usr/local/cuda-11.7/version.json": '{"cuda": {"name": "CUDA SDK", "version": "11.7.20220420"}}'}
    seen, found = examined(tmp_path, files)
    assert (seen["toolkits"][0]["version"], found) == ("11.7", [])


def test_version_files_that_are_damaged_tell_nothing(tmp_path):
    for number, text in enumerate(["{", "[]", '{"cuda": 3}', '{"cuda": {"version": 3}}', ""]):
        seen, found = examined(tmp_path / str(number), {"/usr/local/cuda-11.7/version.json": text})
        assert (seen["toolkits"][0]["version"], found) == ("", [])
