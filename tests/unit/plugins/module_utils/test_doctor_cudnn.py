# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The layer `cudnn`: copies that are none, that hide or shadow one another, that cannot be loaded."""

from __future__ import annotations

import subprocess

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _doctor_cudnn
from ansible_collections.mlinabox.core.tests.unit.plugins.module_utils.hosts import (
    GCC,
    cache,
    lay_out,
    library,
    link,
    needs_gcc,
)

LIB = "/usr/lib/x86_64-linux-gnu"
HAND = "/usr/local/cuda/lib64"
SHADOW = {"/etc/environment": "LD_LIBRARY_PATH=/opt/cudnn/lib64\n"}
PARTS = ("libcudnn", "libcudnn_ops_infer")


def installed(version, folder=LIB, parts=PARTS):
    """The files of a cuDNN as NVIDIA's packages lay it out, made of libraries that say what they are and no more."""
    major = version.split(".")[0]
    files = {}
    for part in parts:
        files[f"{folder}/{part}.so.{major}"] = link(f"{part}.so.{version}")
        files[f"{folder}/{part}.so.{version}"] = library(f"{part}.so.{major}")
    return files


def cached(*places):
    """The linker's cache of (version, folder) in their order."""
    entries = [
        (f"{part}.so.{version.split('.')[0]}", f"{folder}/{part}.so.{version.split('.')[0]}")
        for part in PARTS
        for version, folder in places
    ]
    return {"/etc/ld.so.cache": cache(entries or [("libc.so.6", "/lib/libc.so.6")])}


def environment(version="8.3.2", names=("libcudnn.so.8", "libcudnn_ops_infer.so.8"), name="stack"):
    return {"name": name, "frameworks": [], "cudnn": [{"folder": "/e", "names": list(names), "version": version}]}


def examined(root, environments=(), loaded=False):
    """Codes, and texts with cures; libraries that hold nothing cannot be loaded, which counts where asked for."""
    found = _doctor_cudnn.judge(_doctor_cudnn.look(root), environments)
    found = [one for one in found if loaded or one["code"] != "cudnn-does-not-load"]
    return [one["code"] for one in found], " ".join(f"{one['text']} {one['cure']}" for one in found)


def test_none_at_all_and_a_whole_one(tmp_path):
    assert examined(lay_out(tmp_path / "a", cached())) == ([], "")
    root = lay_out(tmp_path / "b", {**installed("8.5.0"), **cached(("8.5.0", LIB))})
    assert examined(root, [environment()]) == ([], "")


@pytest.mark.parametrize(
    ("files", "codes", "words"),
    [
        # tensorflow/tensorflow#45200: the advice was to link libcuda under the name.
        (
            {f"{LIB}/libcudnn.so.8": link("libcuda.so.1"), f"{LIB}/libcuda.so.1": library("libcuda.so.1"),
             **cached(("8", LIB))},
            ["cudnn-bogus"],
            f"{LIB}/libcudnn.so.8 is no cuDNN 8: it is libcuda.so.1.",
        ),
        # A copy under the name shows in what the file says of itself.
        ({f"{LIB}/libcudnn.so.8": library("libcuda.so.1")}, ["cudnn-bogus"], "it is libcuda.so.1"),
        (
            {f"{LIB}/libcudnn.so.8": link("libcudnn.so.7.6.5"), f"{LIB}/libcudnn.so.7.6.5": library("libcudnn.so.7")},
            ["cudnn-bogus"],
            "is no cuDNN 8: it is libcudnn.so.7",
        ),
        ({f"{LIB}/libcudnn.so.8": link("libcudnn.so.8.5.0")}, ["cudnn-link-dangles"], "libcudnn.so.8.5.0, which"),
        ({f"{LIB}/libcudnn.so.8": link("libcudnn.so.8")}, ["cudnn-link-dangles"], "leads to itself"),
        (
            {**installed("8.5.0", "/usr/local/lib"), "/etc/ld.so.conf": "/usr/local/lib\n", **cached()},
            ["cudnn-not-in-cache"],
            "does not know libcudnn.so.8 in /usr/local/lib",
        ),
        # One name, two versions, and the older is taken.
        (
            {**installed("8.5.0"), **installed("8.2.1", HAND), "/etc/ld.so.conf": f"{HAND}\n",
             **cached(("8.2.1", HAND), ("8.5.0", LIB))},
            ["cudnn-hidden"],
            "Remove cuDNN 8.2.1 from /usr/local/cuda/lib64",
        ),
        (
            {**installed("8.5.0"), **installed("8.2.1", HAND), "/etc/ld.so.conf": f"{HAND}\n",
             **cached(("8.5.0", LIB), ("8.2.1", HAND))},
            ["cudnn-several"],
            "Remove cuDNN 8.2.1 from /usr/local/cuda/lib64",
        ),
        # The same version twice harms nobody.
        (
            {**installed("8.5.0"), **installed("8.5.0", HAND), "/etc/ld.so.conf": f"{HAND}\n",
             **cached(("8.5.0", LIB), ("8.5.0", HAND))},
            [],
            "",
        ),
        # Two major versions stand side by side.
        ({**installed("8.9.7"), **installed("9.1.0"), **cached(("8.9.7", LIB), ("9.1.0", LIB))}, [], ""),
    ],
)  # fmt: skip
def test_the_hosts_own(tmp_path, files, codes, words):
    found, said = examined(lay_out(tmp_path, files))
    assert found == codes
    assert words in said


def test_a_folder_of_two_names_is_one(tmp_path):
    """Where /lib is /usr/lib the cache says /lib, and the folders may be named either way."""
    files = {"/lib": link("usr/lib"), **installed("8.5.0"), **installed("8.2.1", HAND), "/etc/ld.so.conf": f"{HAND}\n"}
    root = lay_out(tmp_path, {**files, **cached(("8.2.1", HAND), ("8.5.0", "/lib/x86_64-linux-gnu"))})
    assert examined(root)[0] == ["cudnn-hidden"]
    seen = _doctor_cudnn.look(root)
    assert len({copy["path"] for copy in seen["copies"]}) == len(seen["copies"]) == 8


def test_parts_of_two_versions(tmp_path):
    files = {**installed("8.5.0", parts=["libcudnn"]), **installed("8.2.1", parts=["libcudnn_ops_infer"])}
    found, said = examined(lay_out(tmp_path, {**files, **cached(("8.5.0", LIB))}))
    assert found == ["cudnn-mixed"]
    assert "8.2.1" in said and "8.5.0" in said


SYSTEM = {**installed("8.2.1", "/opt/cudnn/lib64")}


@pytest.mark.parametrize(
    ("files", "environments", "codes"),
    [
        # pytorch/pytorch#80637.
        (SHADOW, [environment()], ["cudnn-shadowed"]),
        ({"/etc/profile.d/c.sh": "export LD_LIBRARY_PATH=/opt/cudnn/lib64\n"}, [environment()], ["cudnn-shadowed"]),
        (SHADOW, [environment("8.2.1")], []),
        # torch's own in torch/lib has no version in its name: it may be another.
        (SHADOW, [environment("")], ["cudnn-shadowed"]),
        (SHADOW, [environment("9.1.0", ["libcudnn.so.9"])], []),
        (SHADOW, [], []),
        ({"/etc/environment": "LD_LIBRARY_PATH=/opt/other\n"}, [environment()], []),
        ({}, [environment()], []),
        (SHADOW, [environment(), environment(name="b")], ["cudnn-shadowed"] * 2),
    ],
)  # fmt: skip
def test_what_shadows_an_environments_own(tmp_path, files, environments, codes):
    assert examined(lay_out(tmp_path, {**SYSTEM, **files}), environments)[0] == codes


def test_a_part_that_only_the_systems_has_is_mixed_in(tmp_path):
    """pytorch/pytorch#188892: 9.20's wheel loads libcudnn_engines_tensor_ir by its name, and does not bring it."""
    parts = ("libcudnn", "libcudnn_graph", "libcudnn_engines_tensor_ir")
    entries = [(f"{part}.so.9", f"{LIB}/{part}.so.9") for part in parts]
    root = lay_out(tmp_path, {**installed("9.23.0", parts=parts), "/etc/ld.so.cache": cache(entries)})
    wheel = ["libcudnn.so.9", "libcudnn_graph.so.9"]
    codes, said = examined(root, [environment("9.20.0", wheel)])
    assert codes == ["cudnn-completed-by-another"]
    assert "has no libcudnn_engines_tensor_ir.so.9" in said
    assert examined(root, [environment("9.23.0", wheel)])[0] == []
    assert examined(root, [environment("9.20.0", [*wheel, "libcudnn_engines_tensor_ir.so.9"])])[0] == []
    assert examined(root, [environment("8.9.7", ["libcudnn.so.8"])])[0] == []


@pytest.mark.parametrize(
    ("lacks", "codes"),
    [
        (["libcudnn.so.8"], ["cudnn-missing"]),
        ([], []),
        # It was meant to have both in its environment, and the layer frameworks says so.
        (["libcudart.so.11.0", "libcudnn.so.8"], []),
        (["libcudart.so.11.0"], []),
    ],
)
def test_a_framework_that_finds_none(tmp_path, lacks, codes):
    wants = ["libcudart.so.11.0", "libcudnn.so.8"]
    framework = {"name": "tensorflow", "version": "2.9.2", "wants": wants, "lacks": lacks}
    root = lay_out(tmp_path, cached())
    found, said = examined(root, [{"name": "stack", "frameworks": [framework], "cudnn": []}])
    assert found == codes
    assert not codes or ("finds no libcudnn.so.8" in said and "Install cuDNN 8" in said)


@pytest.mark.parametrize(
    ("path", "version"),
    [("/a/libcudnn.so.8.5.0", "8.5.0"), ("/a/libcudnn_ops.so.9.1.0", "9.1.0"), ("/a/libcudnn.so.8", ""), ("/a/x", "")],
)
def test_the_version_in_a_name(path, version):
    assert _doctor_cudnn.version_of(path) == version


# Stands for a cuDNN: it says a version, or ends its process as cuDNN 8 does that does not find a part of itself.
SOURCE = """
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
size_t cudnnGetVersion(void) {
    if (VERSION) return VERSION;
    fputs("Could not load library libcudnn_ops_infer.so.8. Error: libnvrtc.so: cannot open shared object file", stderr);
    abort();
}
"""


def make(folder, version, soname="libcudnn.so.8"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "c.c").write_text(SOURCE)
    flags = ["-shared", "-fPIC", f"-DVERSION={version}", f"-Wl,-soname,{soname}"]
    subprocess.run([GCC, *flags, "-o", folder / soname, folder / "c.c"], check=True, timeout=60)


@needs_gcc
@pytest.mark.parametrize(("number", "version"), [(8500, "8.5.0"), (7605, "7.6.5"), (90102, "9.1.2"), (92300, "9.23.0")])
def test_what_is_loaded_says_its_version(tmp_path, number, version):
    make(tmp_path / LIB.lstrip("/"), number)
    root = lay_out(tmp_path, cached(("8", LIB)))
    seen = _doctor_cudnn.look(root)
    assert [load["version"] for load in seen["loads"]] == [version]
    assert _doctor_cudnn.text(seen) == f"cuDNN {version} is loaded from {LIB}/libcudnn.so.8."


@needs_gcc
def test_one_that_ends_its_process_tells_why(tmp_path):
    make(tmp_path / LIB.lstrip("/"), 0)
    codes, said = examined(lay_out(tmp_path, cached(("8", LIB))), loaded=True)
    assert codes == ["cudnn-does-not-load"]
    assert "Could not load library libcudnn_ops_infer.so.8" in said


def test_one_that_is_damaged_tells_why(tmp_path):
    root = lay_out(tmp_path, {f"{LIB}/libcudnn.so.8": b"\x7fELF\x02\x01 cut off", **cached(("8", LIB))})
    codes, said = examined(root, loaded=True)
    assert codes == ["cudnn-does-not-load"]
    assert "file too short" in said


def test_what_is_moved_aside_is_what_is_called_none(tmp_path):
    files = {
        **installed("8.5.0"),
        f"{LIB}/libcudnn_x.so.8": link("libcuda.so.1"),
        f"{LIB}/libcuda.so.1": library("libcuda.so.1"),
        f"{LIB}/libcudnn_y.so.8": link("gone"),
    }
    seen = _doctor_cudnn.look(lay_out(tmp_path, files))
    assert _doctor_cudnn.aside(seen) == [f"{LIB}/libcudnn_x.so.8", f"{LIB}/libcudnn_y.so.8"]
