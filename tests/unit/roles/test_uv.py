# Copyright: (c) 2026, The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pins of the role uv agree, and its script on the controller takes the program from the right place."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

ROLE = Path(__file__).resolve().parents[3] / "roles" / "uv"
SCRIPT = ROLE / "files" / "fetch_uv.py"
PROGRAM = b"\x7fELF a program"
PIN = hashlib.sha256(PROGRAM).hexdigest()


def load():
    spec = importlib.util.spec_from_file_location("fetch_uv", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


fetch_uv = load()


def wheel(path, content=PROGRAM, member="uv-0.13.8.data/scripts/uv"):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, content)
    return path


@pytest.fixture
def no_uv_beside(monkeypatch, tmp_path):
    """A controller's Python without uv in its environment."""
    monkeypatch.setattr(fetch_uv.sys, "executable", str(tmp_path / "bin" / "python"))


def test_the_pins_are_of_one_release():
    pins = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())
    locked = re.findall(
        r"^uv==(\S+) \\\n +--hash=sha256:[0-9a-f]{64}$", (ROLE / "files/requirements.txt").read_text(), re.M
    )
    assert locked == [pins["__uv_version"]]
    assert re.fullmatch("[0-9a-f]{64}", pins["__uv_sha256"])


def test_the_cache_comes_first(tmp_path, no_uv_beside):
    kept = tmp_path / PIN / "uv"
    kept.parent.mkdir()
    kept.write_bytes(PROGRAM)
    assert fetch_uv.fetch(Path("none"), PIN, tmp_path, "") == kept


def test_a_damaged_cache_is_not_taken(tmp_path, no_uv_beside, monkeypatch):
    kept = tmp_path / PIN / "uv"
    kept.parent.mkdir()
    kept.write_bytes(PROGRAM[:-1])
    monkeypatch.setattr(fetch_uv, "download", lambda _requirements, folder: wheel(folder / "uv.whl"))
    assert fetch_uv.fetch(Path("none"), PIN, tmp_path, "") == kept
    assert kept.read_bytes() == PROGRAM
    assert kept.stat().st_mode & 0o777 == 0o755


def test_the_very_same_program_of_the_controller_is_taken(tmp_path, monkeypatch):
    own = tmp_path / "uv"
    own.write_bytes(PROGRAM)
    monkeypatch.setattr(fetch_uv.sys, "executable", str(tmp_path / "python"))
    assert fetch_uv.fetch(Path("none"), PIN, tmp_path / "cache", "") == own


def test_a_program_that_is_not_the_pinned_one_is_refused(tmp_path, no_uv_beside, monkeypatch):
    monkeypatch.setattr(fetch_uv, "download", lambda _requirements, folder: wheel(folder / "uv.whl", b"\x7fELF other"))
    with pytest.raises(fetch_uv.FetchError, match="not the locked one"):
        fetch_uv.fetch(Path("none"), PIN, tmp_path, "")
    assert not (tmp_path / PIN).exists()


def test_a_controller_without_an_index_says_it_in_one_line(tmp_path, no_uv_beside, monkeypatch):
    def pip(command, **_options):
        return subprocess.CompletedProcess(command, 1, "", "WARNING: retrying\nERROR: No matching distribution\nhint\n")

    monkeypatch.setattr(fetch_uv.subprocess, "run", pip)
    with pytest.raises(fetch_uv.FetchError, match=r"^pip .*\(ERROR: No matching distribution\): give .*uv_source"):
        fetch_uv.fetch(Path("none"), PIN, tmp_path, "")


def test_a_controller_without_pip_says_it(tmp_path, no_uv_beside, monkeypatch):
    monkeypatch.setattr(fetch_uv.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(fetch_uv.FetchError, match="has no pip"):
        fetch_uv.fetch(Path("none"), PIN, tmp_path, "")


@pytest.mark.parametrize(
    ("name", "make", "said"),
    [
        ("uv", lambda path: path.write_bytes(PROGRAM), None),
        ("uv.whl", wheel, None),
        ("uv", lambda path: path.write_text("#!/bin/sh\n"), "neither a wheel"),
        ("uv.whl", lambda path: path.write_text("no archive"), "not a readable wheel"),
        ("uv.whl", lambda path: wheel(path, member="uv/__init__.py"), "no uv program"),
        ("absent", lambda path: None, "no file"),
    ],
)
def test_a_file_of_ones_own(tmp_path, name, make, said):
    make(tmp_path / name)
    command = [sys.executable, SCRIPT, "--requirements=none", f"--sha256={PIN}", f"--cache={tmp_path}/cache"]
    run = subprocess.run([*command, f"--source={tmp_path / name}"], capture_output=True, text=True, check=False)
    if said:
        assert run.returncode == 1
        assert said in run.stderr
        assert run.stderr.count("\n") == 1
    else:
        assert json.loads(run.stdout)["sha256"] == PIN
