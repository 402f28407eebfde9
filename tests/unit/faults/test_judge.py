"""The fault suite's judge must be able to condemn: each breakage is planted, and has to be found."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

JUDGE = Path(__file__).resolve().parents[2] / "faults" / "judge.py"
GENERATION, OTHER = "20260102T000000Z-00000002", "20260101T000000Z-00000001"
LAUNCH = '#!/bin/sh\ncd "$(dirname "$0")"\ncommand=$1\nshift\nexec "$PWD/$(readlink current)/bin/$command" "$@"\n'


class Live:
    """An environment by hand: two distributions of one module each, a script, bytecode, a launcher."""

    def __init__(self, directory, python):
        self.directory = directory
        self.path = directory / GENERATION
        version = subprocess.run(
            [python, "-Ic", "import sys; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        self.site = self.path / "lib" / f"python{version}" / "site-packages"
        self.site.mkdir(parents=True)
        (self.path / "bin").mkdir()
        (self.path / "bin" / "python").symlink_to(python)
        (self.path / "pyvenv.cfg").write_text(f"home = {os.path.dirname(python)}\n")
        self.add("first", "1.0", "VALUE = 1\n")
        self.add("second", "2.0", "import first\n")
        self.script = self.path / "bin" / "first"
        self.program(self.script, f"#!{self.path}/bin/python\n")
        self.compile()
        (directory / "current").symlink_to(GENERATION)
        self.program(directory / "launch", LAUNCH)
        self.allowed = {
            "old": {"packages": {"first": "0.9", "second": "2.0"}, "modules": ["first", "second"]},
            "new": {"packages": {"first": "1.0", "second": "2.0"}, "modules": ["first", "second"]},
        }

    @staticmethod
    def program(path, text):
        path.write_text(text)
        path.chmod(0o755)

    def add(self, name, version, text):
        (self.site / f"{name}.py").write_text(text)
        information = self.site / f"{name}-{version}.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        rows = []
        for file in (f"{name}.py", f"{information.name}/METADATA"):
            data = (self.site / file).read_bytes()
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            rows.append(f"{file},sha256={digest},{len(data)}\n")
        (information / "RECORD").write_text("".join(rows) + f"{information.name}/RECORD,,\n")

    def compile(self):
        command = [self.path / "bin" / "python", "-Im", "compileall", "-q", self.site]
        subprocess.run(command, check=True, timeout=60)

    @property
    def bytecode(self):
        (found,) = self.site.glob("__pycache__/first.*.pyc")
        return found

    def judge(self):
        """Return (exit status, what it says)."""
        path = self.directory.parent / "allowed.json"
        path.write_text(json.dumps(self.allowed))
        done = subprocess.run(
            [sys.executable, "-I", JUDGE, self.directory, path], capture_output=True, text=True, timeout=60, check=False
        )
        return done.returncode, json.loads(done.stdout)


@pytest.fixture
def live():
    """A whole environment, in a folder that a plain user can enter too."""
    folder = Path(tempfile.mkdtemp(prefix="test-judge-", dir="/var/tmp"))
    folder.chmod(0o755)
    # Root's own Python may lie where nobody else can go.
    python = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else os.path.realpath(sys.executable)
    (folder / "box").mkdir()
    yield Live(folder / "box", python)
    shutil.rmtree(folder)


def relink(live, target):
    (live.directory / "current").unlink()
    if target:
        (live.directory / "current").symlink_to(target)


def extra(live):
    live.add("third", "3.0", "")
    live.compile()


def lacking(live):
    shutil.rmtree(live.site / "second-2.0.dist-info")
    (live.site / "second.py").unlink()
    next(live.site.glob("__pycache__/second.*")).unlink()


def twice(live):
    shutil.copytree(live.site / "first-1.0.dist-info", live.site / "first-1.1.dist-info")


def broken_module(live):
    # As a wheel would have it: RECORD holds, but it does not import.
    shutil.rmtree(live.site / "second-2.0.dist-info")
    live.add("second", "2.0", "import gone\n")
    live.compile()


def short(path, by=1):
    path.write_bytes(path.read_bytes()[:-by])


def altered(path):
    data = path.read_bytes()
    path.write_bytes(data[:-2] + b"2\n")


def touch(path):
    info = path.stat()
    os.utime(path, (info.st_atime, info.st_mtime + 100))


BREAKAGES = {
    "a file is gone": (lambda live: (live.site / "first.py").unlink(), "first.py"),
    "a byte is altered": (lambda live: altered(live.site / "first.py"), "another content"),
    "a file is cut": (lambda live: short(live.site / "first.py"), "RECORD says"),
    "a record is cut": (
        lambda live: (live.site / "first-1.0.dist-info" / "RECORD").write_text("first.py,,\n"),
        "it was cut",
    ),
    "a record is gone": (lambda live: (live.site / "first-1.0.dist-info" / "RECORD").unlink(), "cannot be read"),
    "metadata is empty": (
        lambda live: (live.site / "first-1.0.dist-info" / "METADATA").write_text(""),
        "RECORD says",
    ),
    "the link is gone": (lambda live: relink(live, ""), "no live environment"),
    "the link leads nowhere": (lambda live: relink(live, OTHER), "no directory beside it"),
    "the link leads elsewhere": (lambda live: relink(live, f"../box/{GENERATION}"), "no directory beside it"),
    "a distribution more": (extra, "third 3.0, not None"),
    "a distribution less": (lacking, "second None, not 2.0"),
    "a distribution twice": (twice, "first is installed 2 times"),
    "half of the old, half of the new": (
        lambda live: live.allowed["new"]["packages"].update(second="2.1"),
        "none of those allowed",
    ),
    "a file half written": (lambda live: (live.site / "first.py.new").write_text("V"), "belongs to no distribution"),
    "a module does not import": (broken_module, "import second: ModuleNotFoundError"),
    "bytecode is cut": (lambda live: short(live.bytecode, 9), "does not load"),
    "bytecode is empty": (lambda live: live.bytecode.write_bytes(b""), "does not load"),
    "bytecode is of another source": (lambda live: touch(live.site / "first.py"), "is not of its source"),
    "bytecode is another Python's": (
        lambda live: live.bytecode.write_bytes(b"\0\0\0\0" + live.bytecode.read_bytes()[4:]),
        "is another Python's",
    ),
    "bytecode lacks": (lambda live: live.bytecode.unlink(), "has no bytecode"),
    "a script is another generation's": (
        lambda live: live.script.write_text(f"#!{live.directory}/{OTHER}/bin/python\n"),
        f"starts the interpreter of {OTHER}",
    ),
    "a script is empty": (lambda live: live.script.write_text(""), "is empty"),
    "a script cannot be run": (lambda live: live.script.chmod(0o644), "cannot be run"),
    "the interpreter is gone": (lambda live: (live.path / "bin" / "python").unlink(), "the interpreter: "),
    "its settings are gone": (lambda live: (live.path / "pyvenv.cfg").unlink(), "the interpreter's prefix"),
    "nobody else may read it": (lambda live: live.site.chmod(0o700), "first"),
    "the launcher is gone": (lambda live: (live.directory / "launch").unlink(), "launch: "),
    "the launcher is half written": (lambda live: (live.directory / "launch").write_text(LAUNCH[:40]), "launch: "),
}


def test_a_whole_environment_is_found_whole(live):
    status, said = live.judge()
    assert said["findings"] == []
    assert (status, said["which"], said["generation"]) == (0, "new", GENERATION)
    assert (said["files"], said["bytecode"]) == (6, 2)


@pytest.mark.parametrize("name", BREAKAGES)
def test_what_is_broken_is_found(live, name):
    if name == "nobody else may read it" and os.geteuid():
        pytest.skip("only root judges as somebody else")
    plant, words = BREAKAGES[name]
    plant(live)
    status, said = live.judge()
    assert status == 1
    assert words in "; ".join(said["findings"])


@pytest.mark.parametrize("linked", [False, True], ids=["by its name", "by another name of the file"])
def test_who_still_writes_is_found(live, linked):
    path = live.site / "first.py"
    if linked:
        os.link(path, live.directory.parent / "cached.py")
        path = live.directory.parent / "cached.py"
    with path.open("a"):
        status, said = live.judge()
    assert status == 1
    assert said["findings"] == [f"process {os.getpid()} is writing to {path}"]


def test_it_shares_no_code_with_what_it_judges():
    text = JUDGE.read_text()
    assert "ansible" not in text and "module_utils" not in text
