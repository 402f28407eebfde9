"""Packages with an index of their own come from there alone: real uv, real wheels, indexes in folders."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
import zipfile

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils._build import BuildError, Uv, explain
from ansible_collections.mlinabox.core.plugins.module_utils._dists import installed_versions, site_packages
from ansible_collections.mlinabox.core.plugins.module_utils._indexes import by_index, install, shown
from ansible_collections.mlinabox.core.plugins.module_utils._pins import Pin, requirements_text

UV = shutil.which("uv")


def publish(index, name, said):
    """Puts a wheel of NAME 1.0, whose module says `said`, into an index in a folder; returns its hash (str)."""
    folder = index / name
    folder.mkdir(parents=True)
    file = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(file, "w") as wheel:
        wheel.writestr(f"{name}.py", f"SAID = {said!r}\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(
            f"{info}/RECORD", "".join(f"{one},,\n" for one in (f"{name}.py", f"{info}/METADATA", f"{info}/WHEEL"))
        )
    (folder / "index.html").write_text(f'<a href="{file.name}">{file.name}</a>\n')
    return "sha256:" + hashlib.sha256(file.read_bytes()).hexdigest()


def test_groups():
    pins = [
        Pin("b", "1", (), index="https://b.example.org"),
        Pin("a", "1", ()),
        Pin("c", "1", (), "https://e.org/c-1.tar.gz", index="https://b.example.org"),
    ]
    assert by_index(pins) == {"": pins[1:], "https://b.example.org": pins[:1]}
    assert list(by_index(pins)) == ["", "https://b.example.org"]
    assert by_index([]) == {}


@pytest.fixture
def world(tmp_path):
    """A default index and one of its own; both have `own`, in different files. Returns the hashes by index and name."""
    if not UV:
        pytest.skip("no uv here")
    return {
        (index, name): publish(tmp_path / index, name, f"{name} of {index}")
        for index in ("default", "special", "foreign")
        for name in ("plain", "own")
    }


def run(tmp_path, pins):
    """Installs pins into a new environment; returns what each module says (dict)."""
    environ = {
        "UV_DEFAULT_INDEX": f"file://{tmp_path}/default",
        # What would add other places does not count: each of these has all packages, in other files.
        "UV_INDEX": f"file://{tmp_path}/foreign",
        "UV_EXTRA_INDEX_URL": f"file://{tmp_path}/foreign",
        "UV_FIND_LINKS": f"{tmp_path}/foreign/plain {tmp_path}/foreign/own",
        "HOME": str(tmp_path),
    }
    uv = Uv(UV, str(tmp_path / "cache"), environ)
    path = str(tmp_path / "environment")
    uv.make_venv(sys.executable, path)
    lock = tmp_path / "lock.txt"
    lock.write_text(requirements_text(pins))
    try:
        install(uv, path, str(lock), pins)
    finally:
        assert not os.path.exists(f"{lock}.part")
    site = site_packages(path)
    said = {}
    for name in installed_versions(site):
        with open(os.path.join(site, f"{name}.py"), encoding="utf-8") as stream:
            said[name] = re.search("'(.*)'", stream.read()).group(1)
    return said


def test_each_comes_from_its_own_index(tmp_path, world):
    special = f"file://{tmp_path}/special"
    pins = [
        Pin("plain", "1.0", (world["default", "plain"],)),
        Pin("own", "1.0", tuple(sorted([world["default", "own"], world["special", "own"]])), index=special),
    ]
    assert run(tmp_path, pins) == {"plain": "plain of default", "own": "own of special"}


def test_without_an_index_of_its_own_one_call_does(tmp_path, world):
    pins = [Pin(name, "1.0", (world["default", name],)) for name in ("own", "plain")]
    assert run(tmp_path, pins) == {"plain": "plain of default", "own": "own of default"}


@pytest.mark.parametrize("name", ["plain", "own"])
def test_the_callers_environment_adds_no_index(tmp_path, world, name):
    """The lock allows a file that only a place of the caller's has: it is not looked for there."""
    with pytest.raises(BuildError, match="Hash mismatch"):
        run(tmp_path, [Pin(name, "1.0", (world["foreign", name],))])


def test_an_address_is_no_argument(tmp_path):
    """Arguments are seen by everybody on the host, and an address may hold a password."""
    program = tmp_path / "uv"
    program.write_text(f"""#!/bin/sh
echo "$@" >>{tmp_path}/arguments
echo "$UV_DEFAULT_INDEX" >>{tmp_path}/asked
""")
    program.chmod(0o755)
    (tmp_path / "cache").mkdir()
    Uv(str(program), str(tmp_path / "cache")).add(str(tmp_path), "lock.txt", "https://user:secret@e.org/simple")
    assert "secret" not in (tmp_path / "arguments").read_text()
    assert (tmp_path / "asked").read_text() == "https://user:secret@e.org/simple\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("https://user:secret@e.org/simple has no x", "https://e.org/simple has no x"),
        ("https://a:b@c@e.org/x@1, and git+ssh://me@e.org/y", "https://e.org/x@1, and git+ssh://e.org/y"),
        ("x @ https://e.org/x-1.tar.gz, mail me@e.org", "x @ https://e.org/x-1.tar.gz, mail me@e.org"),
    ],
)
def test_users_and_passwords_are_not_shown(text, said):
    assert shown(text) == said


def test_nothing_comes_from_another_index(tmp_path, world):
    """The default index has the very file, and is not asked."""
    pins = [
        Pin("plain", "1.0", (world["default", "plain"],), "", "lock.txt:1"),
        Pin("own", "1.0", (world["default", "own"],), "", "lock.txt:2", f"file://{tmp_path}/special"),
    ]
    with pytest.raises(BuildError) as error:
        run(tmp_path, pins)
    assert explain(str(error.value), pins).startswith("lock.txt:2: own==1.0: the file that was served has another hash")
    shutil.rmtree(tmp_path / "special" / "own")
    shutil.rmtree(tmp_path / "environment")
    with pytest.raises(BuildError) as error:
        run(tmp_path, pins)
    assert f"own==1.0: file://{tmp_path}/special has no distribution of that name" in explain(str(error.value), pins)
