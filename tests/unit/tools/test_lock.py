# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command that makes locks, with a stand-in for uv: what it writes, compares, refuses, and says."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

pytest.importorskip("yaml")
pytest.importorskip("tomllib")

TOOL = Path(__file__).resolve().parents[3] / "tools" / "lock.py"
spec = importlib.util.spec_from_file_location("lock_tool", TOOL)
lock = importlib.util.module_from_spec(spec)


@pytest.fixture(autouse=True, scope="module")
def tool():
    spec.loader.exec_module(lock)


@pytest.fixture(autouse=True)
def index(shelf, monkeypatch):
    """Nothing is read of a real index."""
    monkeypatch.setattr(lock, "Index", lambda address: shelf if address == "the index" else None)
    monkeypatch.setattr(lock, "index_address", lambda _option, _uv: "the index")
    return shelf


def entries(path):
    return [line for line in path.read_text().splitlines() if not line.startswith((" ", "#"))]


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_writes_each_variant_with_its_header(uv, stack, capsys):
    assert lock.main([str(stack)]) == 0
    first = (stack / "locks/cpu.txt").read_text().splitlines()[0]
    assert first == (
        "# mlinabox lock: stack=mine environment=stack variant=cpu python=3.9 platform=linux-x86_64 until=2022-10-20"
    )
    assert "variant=cuda " in (stack / "locks/cuda.txt").read_text().splitlines()[0]
    assert "variant=build " in (stack / "locks/build.txt").read_text().splitlines()[0]
    assert "written, 2 distributions" in capsys.readouterr().out


def test_an_override_takes_the_place_of_the_resolved_entry_with_its_hash_alone(uv, stack):
    lock.main([str(stack)])
    assert entries(stack / "locks/cpu.txt") == ["torch==1.12.1 \\", "wheel==0.37.1 \\"]
    text = (stack / "locks/cuda.txt").read_text()
    assert (
        "torch @ https://wheels.example.org/torch-1.12.1%2Bcu116-cp39-cp39-linux_x86_64.whl \\\n"
        f"    --hash=sha256:{'c' * 64}\n    # via -r requirements.in\nwheel==0.37.1 \\\n"
    ) in text
    assert "b" * 64 not in text


def test_variants_that_differ_in_overrides_alone_are_resolved_once(uv, stack):
    lock.main([str(stack)])
    resolved = [call[2] for call in uv.calls() if "requirements.txt" in call]
    assert resolved == ["requirements.in", "build.in"]


def test_the_day_ends_in_utc_and_sources_are_read_with_the_build_requirements(uv, stack):
    lock.main([str(stack)])
    for call in uv.calls():
        assert call[call.index("--exclude-newer") + 1] == "2022-10-21T00:00:00Z"
        assert call[call.index("--build-constraints") + 1] == "build.in"
        assert "--no-emit-index-url" in call and "--generate-hashes" in call


def test_what_would_change_the_resolution_does_not_reach_uv_but_a_mirror_does(uv, stack, monkeypatch):
    monkeypatch.setenv("UV_PRERELEASE", "allow")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://mirror.example.org/simple")
    seen = {}
    run = lock.sys.modules["locking.uv"].subprocess.run

    def spy(command, **options):
        seen.update(options["env"])
        return run(command, **options)

    monkeypatch.setattr("locking.uv.subprocess.run", spy)
    lock.main([str(stack)])
    assert "UV_PRERELEASE" not in seen
    assert seen["UV_DEFAULT_INDEX"] == "https://mirror.example.org/simple"


def test_a_second_run_and_check_find_nothing_to_do(uv, stack, capsys):
    lock.main([str(stack)])
    before = os.stat(stack / "locks/cpu.txt").st_mtime_ns
    assert lock.main([str(stack)]) == 0
    assert os.stat(stack / "locks/cpu.txt").st_mtime_ns == before
    assert lock.main([str(stack), "--check"]) == 0
    assert capsys.readouterr().out.count("unchanged") == 10


def test_check_says_what_differs_and_writes_nothing(uv, stack, capsys):
    lock.main([str(stack)])
    change(stack / "locks/cpu.txt", "wheel==0.37.1", "wheel==0.37.0")
    before = (stack / "locks/cpu.txt").read_text()
    capsys.readouterr()
    assert lock.main([str(stack), "--check"]) == 1
    out = capsys.readouterr().out
    assert "not what ./box lock makes: 2 entries differ" in out
    assert "  -wheel==0.37.0\n  +wheel==0.37.1\n" in out
    assert (stack / "locks/cpu.txt").read_text() == before


def test_check_sees_a_changed_hash(uv, stack, capsys):
    lock.main([str(stack)])
    change(stack / "locks/cpu.txt", "b" * 64, "d" * 64)
    assert lock.main([str(stack), "--check"]) == 1
    assert "hashes or comments differ" in capsys.readouterr().out


def test_check_of_a_lock_that_is_not_there(uv, stack, capsys):
    assert lock.main([str(stack), "--check", "--variant", "cpu"]) == 1
    assert "it is not there" in capsys.readouterr().out
    assert not (stack / "locks").exists()


def test_one_variant_alone(uv, stack):
    assert lock.main([str(stack), "--variant", "cuda"]) == 0
    assert sorted(os.listdir(stack / "locks")) == ["cuda.gpu.yml", "cuda.txt"]


def test_a_lock_is_readable_by_all_whatever_the_umask(uv, stack):
    old = os.umask(0o077)
    try:
        lock.main([str(stack), "--variant", "cpu"])
    finally:
        os.umask(old)
    assert os.stat(stack / "locks/cpu.txt").st_mode & 0o777 == 0o644


def fails(capsys, *argv):
    """Return the one error line of a run that has to end with 2."""
    assert lock.main(list(argv)) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ") and captured.err.count("\n") == 1
    return captured.err


def test_an_unknown_stack_lists_those_there_are(uv, capsys):
    error = fails(capsys, "2021")
    assert "no stack '2021'" in error and "2022, 2023, jupyterlab" in error


def test_unknown_environment_and_variant_list_those_there_are(uv, stack, capsys):
    assert "there is stack" in fails(capsys, str(stack), "--environment", "jupyter")
    assert "there is cpu, cuda" in fails(capsys, str(stack), "--variant", "rocm")


def test_uvs_reason_becomes_one_line_and_the_tree_stays(uv, stack, capsys):
    reason = (
        "  × No solution found when resolving dependencies:\n"
        "  ╰─▶ Because gradient==2.0.6 depends on attrs<=19 and you require\n"
        "      attrs==23.1.0, it is unsatisfiable.\n"
    )
    uv.answer({"requirements.txt": {"stderr": reason, "rc": 1}})
    assert fails(capsys, str(stack)).endswith(
        "requirements.in: No solution found when resolving dependencies: Because gradient==2.0.6 depends on attrs<=19"
        " and you require attrs==23.1.0, it is unsatisfiable.\n"
    )
    assert not (stack / "locks").exists()


def test_an_override_of_another_version_is_refused(uv, stack, capsys):
    change(stack / "requirements.in", "1.12.1", "1.13.0")
    uv.answer({"requirements.txt": {"stdout": f"torch==1.13.0 \\\n    --hash=sha256:{'a' * 64}\n"}, "pylock.toml": {}})
    error = fails(capsys, str(stack), "--variant", "cuda")
    assert "override torch 1.12.1+cu116: the resolution has 1.13.0" in error


def test_an_override_of_what_is_not_resolved_is_refused(uv, stack, capsys):
    uv.answer({"requirements.txt": {"stdout": f"wheel==1 \\\n    --hash=sha256:{'a' * 64}\n"}, "pylock.toml": {}})
    assert "override torch: not in the resolution" in fails(capsys, str(stack), "--variant", "cuda")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("https://wheels", "http://wheels", "https address"),
        ("https://wheels", "https://me:secret@wheels", "https address"),
        ("c" * 64, "c" * 63, "64 hexadecimal digits"),
        ("torch-1.12.1%2B", "torch-1.12.0%2B", "does not name a wheel of version 1.12.1+cu116"),
        ("          sha256:", "          sha512:", "exactly the keys"),
        ("      cuda:", "      rocm:", "none of its variants"),
        ('published: "2022-10-20"', "published: soon", "not a date"),
        ('python: {version: "3.9"}', "python: {version: 3.10.1}", "not a version"),
        ("    build_requirements: build.in\n", "", "build_requirements"),
        ("name: mine", "title: mine", "name is missing"),
        ("environments:", "environments: [", "stack.yml"),
    ],
)
def test_a_stack_that_is_wrong_is_one_line(uv, stack, capsys, old, new, said):
    change(stack / "stack.yml", old, new)
    assert said in fails(capsys, str(stack))
    assert uv.calls() == []


@pytest.mark.parametrize(
    "text",
    [
        "--index-url https://index.example.org/simple\n" + f"a==1 \\\n    --hash=sha256:{'a' * 64}\n",
        f"a==1 \\\n    --hash=sha256:{'a' * 64}\n    # from https://index.example.org/simple\n",
        f"a==1 \\\n    --hash=sha256:{'a' * 64}\n--find-links /wheels\n",
        f"a @ file:///wheels/a-1-py3-none-any.whl \\\n    --hash=sha256:{'a' * 64}\n",
        f"a @ https://me:secret@example.org/a-1-py3-none-any.whl \\\n    --hash=sha256:{'a' * 64}\n",
        "a==1\n    # via -r requirements.in\n",
        "# The following packages were excluded from the output:\n# pip\n",
    ],
)
def test_refuses_an_index_a_path_a_password_and_what_has_no_hash(uv, stack, capsys, text):
    uv.answer({"requirements.txt": {"stdout": text}, "pylock.toml": {}})
    assert "secret" not in fails(capsys, str(stack), "--variant", "cpu")
    assert not (stack / "locks").exists()


def test_what_is_built_from_source_has_to_be_said(uv, stack, capsys):
    pylock = '[[packages]]\nname = "halo"\nsdist = { url = "x" }\n'
    uv.answer({"requirements.txt": {"stdout": SOURCE}, "pylock.toml": {"stdout": pylock}})
    assert "built_from_source of what cpu.txt locks has to be [halo]" in fails(capsys, str(stack), "--variant", "cpu")


def test_variants_of_one_lock_share_their_overrides(uv, stack, capsys):
    change(stack / "stack.yml", "cuda: locks/cuda.txt", "cuda: locks/cpu.txt")
    assert "share locks/cpu.txt, but not their overrides" in fails(capsys, str(stack))


def test_a_universal_lock_is_for_no_single_platform(uv, stack):
    change(stack / "stack.yml", "    built_from_source: []", "    universal: true\n    built_from_source: []")
    assert lock.main([str(stack), "--variant", "cpu"]) == 0
    assert " python_from=3.9 platform=any " in (stack / "locks/cpu.txt").read_text().splitlines()[0]
    assert all("--universal" in call and "--python-platform" not in call for call in uv.calls())


def test_a_folder_of_locks_alone(uv, stack):
    os.rename(stack / "stack.yml", stack / "locks.yml")
    assert lock.main([str(stack), "--variant", "cpu"]) == 0


SOURCE = f"halo==0.0.31 \\\n    --hash=sha256:{'a' * 64}\n"
HALO = '[[packages]]\nname = "halo"\nsdist = { url = "x" }\n'
LOG = "DEBUG Installing `setuptools==65.5.0`, `{}` in `/c/builds-v0/.tmp1`\nDEBUG Installing `no==1` in `/elsewhere`\n"


def building(uv, stack, log, **answer):
    change(stack / "stack.yml", "built_from_source: []", "built_from_source: [Halo]")
    text = (
        SOURCE
        + f"setuptools==65.5.0 \\\n    --hash=sha256:{'a' * 64}\nwheel==0.37.1 \\\n    --hash=sha256:{'a' * 64}\n"
    )
    change(stack / "stack.yml", "    overrides:\n      cuda:", "    overrides:\n      cuda: []\nunused:\n  x:")
    uv.answer(
        {
            "requirements.txt": {"stdout": text},
            "pylock.toml": {"stdout": HALO},
            "venv": {},
            "pip": {"stderr": log, **answer},
        }
    )


def test_builds_are_held_against_the_build_lock(uv, stack, capsys):
    building(uv, stack, LOG.format("wheel==0.37.1"))
    assert lock.main([str(stack), "--build"]) == 0
    assert "1 built from source with setuptools==65.5.0, wheel==0.37.1" in capsys.readouterr().out


def test_a_build_that_asks_for_more_than_the_build_lock_has_is_an_error(uv, stack, capsys):
    building(uv, stack, LOG.format("wheel==0.48.0"))
    assert "asked for wheel==0.48.0: add to build.in" in fails(capsys, str(stack), "--build")
    assert not (stack / "locks").exists()


def test_a_log_that_tells_nothing_proves_nothing(uv, stack, capsys):
    building(uv, stack, "all is well\n")
    assert "nothing is proved" in fails(capsys, str(stack), "--build")


def test_a_source_that_does_not_build_is_an_error(uv, stack, capsys):
    building(uv, stack, "error: AttributeError: cython_sources\n", rc=1)
    assert "a source does not build: AttributeError: cython_sources" in fails(capsys, str(stack), "--build")
