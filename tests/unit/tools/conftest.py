# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make tools/ importable as ./box lock does it, and stand in for uv."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools"))

HASH = "a" * 64
LOCKED = f"torch==1.12.1 \\\n    --hash=sha256:{HASH} \\\n    --hash=sha256:{'b' * 64}\n    # via -r requirements.in\n"
LOCKED += f"wheel==0.37.1 \\\n    --hash=sha256:{HASH}\n"
PYLOCK = '[[packages]]\nname = "torch"\nversion = "1.12.1"\nwheels = [{ url = "x" }]\n'

# A first line cannot name a Python whose path has a space: a folder above the checkout may have one.
STAND_IN = """#!/bin/sh
'''exec' '{python}' "$0" "$@"
' '''
import json, sys
here = {here!r}
with open(here + "/calls.jsonl", "a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
answers = json.load(open(here + "/answers.json"))
if sys.argv[1:3] == ["pip", "compile"]:
    key = sys.argv[sys.argv.index("--format") + 1]
else:
    key = sys.argv[1]
sys.stdout.write(answers[key].get("stdout", ""))
sys.stderr.write(answers[key].get("stderr", ""))
sys.exit(answers[key].get("rc", 0))
"""


class Uv:
    """A program in uv's place that answers what a test says and notes how it was called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "uv"
        self.path.write_text(STAND_IN.format(python=sys.executable, here=str(folder)))
        self.path.chmod(0o755)
        self.answer({"requirements.txt": {"stdout": LOCKED}, "pylock.toml": {"stdout": PYLOCK}})

    def answer(self, answers: dict) -> None:
        (self.folder / "answers.json").write_text(json.dumps(answers))

    def calls(self) -> list[list[str]]:
        path = self.folder / "calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def uv(tmp_path, monkeypatch):
    """The stand-in, found as ./box lock finds uv: beside its Python."""
    from locking.uv import resolve

    folder = tmp_path / "bin"
    folder.mkdir()
    stand_in = Uv(folder)
    monkeypatch.setattr("locking.uv.sys.executable", str(folder / "python"))
    resolve.cache_clear()
    return stand_in


STACK = """
name: mine
published: "2022-10-20"
python: {version: "3.9"}
environments:
  stack:
    requirements: requirements.in
    variants: {cpu: locks/cpu.txt, cuda: locks/cuda.txt}
    build: locks/build.txt
    build_requirements: build.in
    built_from_source: []
    overrides:
      cuda:
        - name: torch
          version: 1.12.1+cu116
          url: https://wheels.example.org/torch-1.12.1%2Bcu116-cp39-cp39-linux_x86_64.whl
          sha256: SHA
          gpu: {cuda: "11.6", architectures: ["7.0", "8.0+PTX"], source: a build script}
"""


class Shelf:
    """In an index's place: it lists one torch and serves parts of it."""

    def __init__(self) -> None:
        self.asked = []
        self.put("'10.2'")
        self.errors = ()

    def put(self, cuda):
        """Make the torch that it serves; cuda: as version.py spells it."""
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as wheel:
            wheel.writestr("torch/version.py", f"cuda = {cuda}\n")
            wheel.writestr("torch/lib/libtorch_python.so", b"\0sm_37 sm_70\0")
        self.wheel = data.getvalue()

    def files(self, name):
        from wheelhousing.choice import File

        self.asked.append(name)
        # Of the lock's two hashes the first is another platform's.
        return [
            File("torch-1.12.1-cp39-cp39-win_amd64.whl", "https://index/w", HASH),
            File("torch-1.12.1-cp39-cp39-manylinux1_x86_64.whl", "https://index/l", "b" * 64, len(self.wheel)),
        ]

    def size(self, _url):
        return len(self.wheel)

    def part(self, url, start, end):
        self.asked.append(url)
        for error in self.errors:
            raise error
        return self.wheel[start:end]

    def why(self, url, error):
        return f"{url}: {error}"


@pytest.fixture
def shelf():
    """An index with one torch."""
    return Shelf()


@pytest.fixture
def stack(tmp_path):
    """A stack folder with two variants, one of them with an override."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "stack.yml").write_text(STACK.replace("SHA", "c" * 64))
    (folder / "requirements.in").write_text("torch==1.12.1\nwheel\n")
    (folder / "build.in").write_text("wheel\n")
    return folder
