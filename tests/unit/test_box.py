"""The entry script: its words, and that it works where and as whoever it is called. No .venv is made here."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORDS = ["site", "plan", "verify", "doctor", "rollback", "generations", "lock", "wheelhouse", "test", "help"]

# Stands for what .venv has: says who was called, from where and with what.
RECORDER = """#!/bin/sh
[ "$1" != -c ] || exit 0
echo "program=${0##*/}"
echo "config=$ANSIBLE_CONFIG"
echo "home=$HOME"
echo "locale=${LC_ALL:-}"
read -r line || echo "stdin=empty"
for word; do echo "arg=$word"; done
"""


@pytest.fixture(params=["plain", "with a space"])
def checkout(tmp_path, request):
    """A copy of box (path) with a .venv that counts as made."""
    root = tmp_path / request.param
    (root / ".venv" / "bin").mkdir(parents=True)
    shutil.copy2(ROOT / "box", root / "box")
    shutil.copytree(ROOT / "requirements", root / "requirements")
    for name in ("ansible-playbook", "python"):
        program = root / ".venv" / "bin" / name
        program.write_text(RECORDER)
        program.chmod(0o755)
    for lock in ("controller", "test"):
        stamp(root, ".venv", lock)
    return root


def stamp(root, venv, lock):
    text = f"# in {root / venv}\n" + (root / "requirements" / f"{lock}.txt").read_text()
    (root / venv / f"{lock}.stamp").write_text(text)


def call(checkout, *words, **options):
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run(
        [checkout / "box", *words], capture_output=True, text=True, timeout=30, check=False, **options
    )


def called(done):
    """What the recorder said (dict; arg is a list)."""
    assert done.returncode == 0, done.stderr
    pairs = [line.split("=", 1) for line in done.stdout.splitlines()]
    return {**dict(pairs), "arg": [value for key, value in pairs if key == "arg"]}


@pytest.mark.parametrize("words", [[], ["help"], ["-h"], ["--help"]])
def test_help_names_every_word(checkout, words):
    done = call(checkout, *words)
    assert done.returncode == 0
    listed = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")]
    assert listed == WORDS


def test_an_unknown_word_is_an_error_that_lists_the_known_ones(checkout):
    done = call(checkout, "sight")
    assert (done.returncode, done.stdout) == (2, "")
    assert "sight" in done.stderr
    assert done.stderr.split(":")[-1].split() == WORDS


@pytest.mark.parametrize(
    ("words", "playbook", "arguments"),
    [
        (["site"], "site", []),
        (["site", "-i", "a b", "--limit", "x"], "site", ["-i", "a b", "--limit", "x"]),
        (["plan", "--tags", "tools"], "site", ["--check", "--diff", "--tags", "tools"]),
        (["verify"], "verify", []),
        (["generations", "-i", "x"], "generations", ["-i", "x"]),
        (["doctor"], "doctor", []),
        (["doctor", "-i", "x"], "doctor", ["-i", "x"]),
        (["doctor", "--fix", "--check"], "doctor", ["-e", "doctor_fix=true", "--check"]),
        (["doctor", "-i", "a b", "--fix"], "doctor", ["-i", "a b", "-e", "doctor_fix=true"]),
        (["rollback"], "rollback", []),
        (["rollback", "-i", "x"], "rollback", ["-i", "x"]),
        (["rollback", "--to", "G", "-i", "x"], "rollback", ["-e", "pip_stack_rollback_to=G", "-i", "x"]),
        (["rollback", "--to=G"], "rollback", ["-e", "pip_stack_rollback_to=G"]),
    ],
)
def test_a_word_runs_its_playbook(checkout, words, playbook, arguments):
    said = called(call(checkout, *words))
    assert said["program"] == "ansible-playbook"
    assert said["arg"] == [f"{checkout}/playbooks/{playbook}.yml", *arguments]


@pytest.mark.parametrize(
    ("word", "script"), [("lock", "tools/lock.py"), ("wheelhouse", "tools/wheelhouse.py"), ("test", "tests/run.py")]
)
def test_a_word_runs_its_script(checkout, word, script):
    said = called(call(checkout, word, "2022"))
    assert said["program"] == "python"
    assert said["arg"] == [f"{checkout}/{script}", "2022"]


def test_rollback_to_nothing_is_an_error(checkout):
    done = call(checkout, "rollback", "--to")
    assert done.returncode == 1
    assert "generations" in done.stderr


def test_from_another_folder_through_a_link(checkout, tmp_path, monkeypatch):
    monkeypatch.delenv("ANSIBLE_CONFIG", raising=False)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "box").symlink_to(checkout / "box")
    said = called(call(tmp_path / "bin", "site", cwd="/"))
    assert said["arg"] == [f"{checkout}/playbooks/site.yml"]
    assert said["config"] == f"{checkout}/ansible.cfg"


def test_with_stdin_closed(checkout):
    done = subprocess.run(["sh", "-c", '"$0" site <&-', checkout / "box"], capture_output=True, text=True, check=False)
    assert called(done)["stdin"] == "empty"


def test_without_a_home_and_with_a_locale_that_is_not_here(checkout):
    said = called(call(checkout, "site", env={"PATH": os.environ["PATH"], "LC_ALL": "xx_XX.ISO-8859-1"}))
    assert said["home"] == f"{checkout}/.cache/home"
    assert said["locale"] == "C.UTF-8"


# Stands for uv: writes down what it was asked, and makes a .venv that holds the recorder.
UV = """#!/bin/sh
case $1 in --version) exit ;; esac
echo "$*" >>"$0.asked"
! [ -e "$0.broken" ] || exit 1
case "$2" in
venv) mkdir -p "$5/bin" && cp "${0%/*}/recorder" "$5/bin/python" && cp "${0%/*}/recorder" "$5/bin/ansible-playbook" ;;
esac
"""


@pytest.fixture
def uv(checkout):
    """The path of a uv that counts as made and writes down what it is asked."""
    program = checkout / ".cache" / "bootstrap" / "bin" / "uv"
    program.parent.mkdir(parents=True)
    for name, text in (("uv", UV), ("recorder", RECORDER)):
        (program.parent / name).write_text(text)
        (program.parent / name).chmod(0o755)
    stamp(checkout, ".cache/bootstrap", "uv")
    return program


def asked(uv):
    """What uv was asked to do (list of str, the words that matter), and forgotten."""
    log = uv.with_name("uv.asked")
    lines = log.read_text().splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    return ["venv" if " venv " in line else Path(line.split()[-1]).name for line in lines]


def test_a_venv_that_is_made_is_not_made_again(checkout, uv):
    called(call(checkout, "site"))
    called(call(checkout, "test"))
    assert asked(uv) == []


def test_a_controller_grows_for_the_tests_and_serves_on(checkout, uv):
    (checkout / ".venv" / "test.stamp").unlink()
    called(call(checkout, "site"))
    assert asked(uv) == []
    called(call(checkout, "test"))
    called(call(checkout, "site"))
    assert asked(uv) == ["test.txt"]


def test_the_tests_lock_serves_the_controller(checkout, uv):
    (checkout / ".venv" / "controller.stamp").unlink()
    called(call(checkout, "site"))
    assert asked(uv) == []


@pytest.mark.parametrize("why", ["interrupted", "moved", "changed", "python gone"])
def test_a_venv_that_does_not_count_is_made_anew(checkout, uv, why):
    left_over = checkout / ".venv" / "left-over"
    left_over.touch()
    for name in ("controller.stamp", "test.stamp"):
        path = checkout / ".venv" / name
        if why == "interrupted":
            path.unlink()
        elif why == "moved":
            path.write_text(path.read_text().replace(f"# in {checkout}", "# in /elsewhere"))
        elif why == "changed":
            path.write_text(path.read_text().replace("==", "==0."))
    if why == "python gone":
        (checkout / ".venv" / "bin" / "python").unlink()
    assert called(call(checkout, "site"))["program"] == "ansible-playbook"
    assert asked(uv) == ["venv", "controller.txt"]
    assert not left_over.exists()
    called(call(checkout, "site"))
    assert asked(uv) == []


def test_a_venv_that_cannot_be_filled_is_an_error_and_does_not_count(checkout, uv):
    for name in ("controller.stamp", "test.stamp"):
        (checkout / ".venv" / name).unlink()
    uv.with_name("uv.broken").touch()
    done = call(checkout, "site")
    assert done.returncode != 0
    assert "program=" not in done.stdout
    uv.with_name("uv.broken").unlink()
    asked(uv)
    called(call(checkout, "site"))
    assert asked(uv) == ["venv", "controller.txt"]
