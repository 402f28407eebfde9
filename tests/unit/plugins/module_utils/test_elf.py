# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a library says of itself: the libraries of this machine, one of our own, and what is none."""

from __future__ import annotations

import os
import subprocess

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _elf, _loader
from ansible_collections.mlinabox.core.tests.unit.plugins.module_utils.hosts import GCC, library, needs_gcc


def test_the_libraries_of_this_machine_bear_the_names_that_the_linkers_cache_has():
    known = _loader.read_cache("/") or pytest.skip("no ld.so.cache here")
    wanted = [(name, path) for name, path in known if name.startswith(("libc.so.", "libm.so.", "libz.so."))]
    for name, path in wanted:
        assert _elf.read_library(path)["soname"] == name
    assert wanted


@needs_gcc
def test_what_the_compiler_was_told(tmp_path):
    (tmp_path / "a.c").write_text("#include <unistd.h>\nint a(void) { return getpid(); }\n")
    path = tmp_path / "liba.so.1"
    flags = ["-shared", "-fPIC", "-Wl,-soname,liba.so.1", "-Wl,--enable-new-dtags", "-Wl,-rpath,$ORIGIN/x"]
    subprocess.run([GCC, *flags, "-o", path, tmp_path / "a.c"], check=True, timeout=60)
    found = _elf.read_library(str(path))
    assert (found["soname"], found["rpath"], found["runpath"]) == ("liba.so.1", "", "$ORIGIN/x")
    assert "libc.so.6" in found["needed"]


def test_a_library_of_our_own(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(library("libcudnn.so.8", ["libcublas.so.11", "libz.so.1"], "$ORIGIN"))
    assert _elf.read_library(str(path)) == {
        "soname": "libcudnn.so.8",
        "needed": ["libcublas.so.11", "libz.so.1"],
        "rpath": "",
        "runpath": "$ORIGIN",
    }


@pytest.mark.parametrize("size", [0, 3, 63, 64, 100, 180, 200])
def test_what_is_cut_off_says_nothing_and_raises_nothing(tmp_path, size):
    path = tmp_path / "x"
    path.write_bytes(library("libcudnn.so.8")[:size])
    found = _elf.read_library(str(path))
    assert found is None or found["soname"] in ("", "libcudnn.so.8")


@pytest.mark.parametrize(
    "content", [b"GROUP ( libcudnn.so.8 )\n", b"\x7fELF\x01\x01" + b"\0" * 90, b"\x7fELF\x02\x02" * 20]
)
def test_what_is_no_library_of_this_machine(tmp_path, content):
    path = tmp_path / "x"
    path.write_bytes(content)
    assert _elf.read_library(str(path)) is None


def test_a_pipe_and_a_folder_hold_nobody_up(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, tmp_path / "none"):
        assert _elf.read_library(str(path)) is None
