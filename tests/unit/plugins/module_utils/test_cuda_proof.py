"""A program is compiled and run. nvcc is a script that calls this machine's g++: CUDA itself is for the scenarios."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _cuda_proof, _smoke_folder

pytestmark = pytest.mark.skipif(not os.access("/usr/bin/g++", os.X_OK), reason="no g++ here")

NVCC = """\
#!/bin/sh
echo "$@" >>"{log}"
shift 4
exec g++ -x c++ "$@"
"""
PROGRAM = '#include <cstdio>\nint main() { puts("{\\"runtime\\": 11070}"); }\n'


def run(command, cwd=None, environ_update=None):
    """AnsibleModule.run_command, without becoming another user, which only root can."""
    if "runuser" in command:
        at = command.index("runuser")
        command = command[:at] + command[at + 4 :]
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **(environ_update or {})}, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def toolkit(tmp_path, monkeypatch):
    monkeypatch.setattr(_smoke_folder, "PLACE", str(tmp_path))
    monkeypatch.setattr(shutil, "chown", lambda path, user: None)
    nvcc = tmp_path / "toolkit" / "bin" / "nvcc"
    nvcc.parent.mkdir(parents=True)
    nvcc.write_text(NVCC.format(log=tmp_path / "log"))
    nvcc.chmod(0o755)
    return tmp_path / "toolkit"


def prove(toolkit, source, **options):
    return _cuda_proof.prove(run, str(toolkit), source, "nobody", 60, **options)


def test_what_the_program_says_comes_back(toolkit):
    said = prove(toolkit, PROGRAM, release="13.0.2", libraries=["m"], defines=["MLINABOX_GPU"])
    assert said["runtime"] == 11070
    assert said["compiler"].startswith("/usr/bin/g++")
    command = (toolkit.parent / "log").read_text()
    assert command == f"-ccbin {said['compiler']} -cudart shared -DMLINABOX_GPU -o proof proof.cu -lm\n"
    assert not list(toolkit.parent.glob(_cuda_proof.PREFIX + "*"))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("int main() { return x; }", r"does not compile: .*x. was not declared"),
        ("int main() { return 3; }", r"was compiled, and does not run: it ended with 3$"),
        ('#include <cstdio>\nint main() { puts("hello"); }', r"compiled says hello$"),
    ],
)
def test_what_fails_is_one_line(toolkit, source, message):
    with pytest.raises(_cuda_proof.ProofError, match=message) as caught:
        prove(toolkit, source)
    assert "\n" not in str(caught.value)
    assert not list(toolkit.parent.glob(_cuda_proof.PREFIX + "*"))


def test_one_that_does_not_end_is_ended(toolkit):
    with pytest.raises(_cuda_proof.ProofError, match="it was ended after 1 s"):
        _cuda_proof.prove(run, str(toolkit), "int main() { for (volatile int i = 0;;) i = 1; }", "nobody", 1)


def test_a_toolkit_without_a_compiler(tmp_path):
    with pytest.raises(_cuda_proof.ProofError, match=r"there is no .*/bin/nvcc$"):
        prove(tmp_path, PROGRAM)


def test_a_compiler_that_is_too_new_is_said(toolkit):
    header = toolkit / "include" / "crt" / "host_config.h"
    header.parent.mkdir(parents=True)
    header.write_text("#if __GNUC__ > 2\n")
    with pytest.raises(_cuda_proof.ProofError, match=r"nvcc of CUDA 1\.0\.0 takes gcc up to 2, and here there is \d+"):
        prove(toolkit, PROGRAM, release="1.0.0")
