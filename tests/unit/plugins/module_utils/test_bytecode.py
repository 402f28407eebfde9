"""Bytecode over small real trees: compiled by this interpreter, linked from another generation where it is valid."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import sys

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils._bytecode import Bytecode, CompileError
from ansible_collections.mlinabox.core.plugins.module_utils._integrity import find_damage
from ansible_collections.mlinabox.core.plugins.module_utils._interpreter import ask_interpreter
from ansible_collections.mlinabox.core.plugins.module_utils._manifest import Manifest, write_manifest
from ansible_collections.mlinabox.core.plugins.module_utils._request import PipLockError, Request

SITE = "lib/python3/site-packages"
SOURCES = {"one": {"one/__init__.py": "A = 1\n", "one/deep/b.py": "B = 2\n"}, "two": {"two.py": "C = 3\n"}}


@pytest.fixture(scope="module")
def python():
    return ask_interpreter(Request(root="/", name="x", uv="", python=sys.executable))


def generation(directory, sources=None, of=None):
    """Make a generation's sources; those that `of` has are linked, as from uv's cache. Returns its manifest."""
    manifest = Manifest()
    (directory / ".mlinabox").mkdir(parents=True)
    for distribution, files in (sources or SOURCES).items():
        for path, text in files.items():
            full = directory / SITE / path
            full.parent.mkdir(parents=True, exist_ok=True)
            if of and (of / SITE / path).exists() and (of / SITE / path).read_text() == text:
                os.link(of / SITE / path, full)
            else:
                full.write_text(text)
            folder, _slash, name = f"{SITE}/{path}".rpartition("/")
            manifest.add(distribution, folder, name, len(text))
    return manifest


def compiled(directory, path):
    return importlib.util.cache_from_source(str(directory / SITE / path))


def finish(directory, manifest, python, donor="", unchanged=()):
    counts = Bytecode(str(directory), python).add(manifest, str(directory / SITE), str(donor), unchanged)
    write_manifest(str(directory), manifest)
    return counts


def test_all_is_compiled_and_recorded(tmp_path, python):
    assert finish(tmp_path, generation(tmp_path), python) == (0, 3)
    assert find_damage(str(tmp_path), "hash") == {}
    for path in ("one/__init__.py", "one/deep/b.py", "two.py"):
        with open(compiled(tmp_path, path), "rb") as stream:
            assert stream.read(4) == importlib.util.MAGIC_NUMBER
    os.truncate(compiled(tmp_path, "two.py"), 10)
    assert set(find_damage(str(tmp_path), "size")) == {"two"}


def test_a_source_that_two_distributions_record_is_compiled_once(tmp_path, python):
    both = {"one": {"space/__init__.py": "A = 1\n"}, "two": {"space/__init__.py": "A = 1\n", "space/b.py": "B = 2\n"}}
    manifest = generation(tmp_path, both)
    assert finish(tmp_path, manifest, python) == (0, 2)
    cache = f"{SITE}/space/__pycache__"
    assert [len(manifest.rows[name][cache]) for name in ("one", "two")] == [1, 1]


def test_what_is_no_python_is_left(tmp_path, python):
    manifest = generation(tmp_path, {"one": {"a.py": "A = 1\n", "template.py": "{{ no }} python\n", "z.py": "\0"}})
    assert finish(tmp_path, manifest, python) == (0, 1)
    assert find_damage(str(tmp_path), "hash") == {}


def touch(directory, path):
    os.utime(directory / SITE / path, (1, 1))


def shorten(directory, path):
    os.truncate(compiled(directory, path), 12)


def remove(directory, path):
    os.unlink(compiled(directory, path))


def of_another_python(directory, path):
    with open(compiled(directory, path), "r+b") as stream:
        stream.write(b"\0\0\r\n")


@pytest.mark.parametrize(
    ("what", "linked"),
    [(None, 3), (touch, 2), (shorten, 2), (remove, 2), (of_another_python, 2)],
    ids=["nothing", "source touched", "bytecode cut", "bytecode gone", "another interpreter's"],
)
def test_valid_bytecode_is_linked_and_no_other(tmp_path, python, what, linked):
    old, new = tmp_path / "old", tmp_path / "new"
    finish(old, generation(old), python)
    manifest = generation(new, of=old)
    if what:
        what(old, "one/deep/b.py")
    assert finish(new, manifest, python, old, {"one", "two"}) == (linked, 3 - linked)
    # Sizes are as they were, so what was linked or compiled is whole by hash as well.
    assert find_damage(str(new), "hash") == {}
    assert os.path.samefile(compiled(new, "two.py"), compiled(old, "two.py"))


def test_what_changed_is_not_asked_for(tmp_path, python):
    old, new = tmp_path / "old", tmp_path / "new"
    finish(old, generation(old), python)
    assert finish(new, generation(new, of=old), python, old, {"two"}) == (1, 2)


def test_bytecode_that_a_build_brought_is_replaced(tmp_path, python):
    old, new = tmp_path / "old", tmp_path / "new"
    finish(old, generation(old), python)
    manifest = generation(new, of=old)
    os.makedirs(os.path.dirname(compiled(new, "two.py")))
    with open(compiled(new, "two.py"), "w", encoding="ascii") as stream:
        stream.write("of another machine")
    assert finish(new, manifest, python, old, {"one", "two"}) == (3, 0)
    assert os.path.samefile(compiled(new, "two.py"), compiled(old, "two.py"))


def test_an_interpreter_that_fails_is_said(tmp_path, python):
    broken = dataclasses.replace(python, path="/bin/false")
    with pytest.raises(CompileError, match="/bin/false: it ended with exit status 1"):
        finish(tmp_path, generation(tmp_path), broken)


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("/nonexistent/python", "does not run"),
        ("/etc", "does not run"),
        ("/bin/false", "does not run"),
        ("/bin/true", "is no Python"),
        ("/bin/echo", "is no Python"),
    ],
)
def test_an_interpreter_that_does_not_run_is_refused(program, why):
    with pytest.raises(PipLockError, match=rf"{why}.*mlinabox\.core\.python"):
        ask_interpreter(Request(root="/", name="x", uv="", python=program))
