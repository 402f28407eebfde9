"""Wheels that were built here and kept: taken out of what the build left, held to their hash, built anew if damaged."""

from __future__ import annotations

import hashlib
import os

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils._build import BuildError
from ansible_collections.mlinabox.core.plugins.module_utils._pins import Pin
from ansible_collections.mlinabox.core.plugins.module_utils._source_builds import SourceBuilds

PIN = Pin("six", "1.0", ("sha256:" + "0" * 64,), source="lock:1")
WHEEL = "six-1.0-py3-none-any.whl"


@pytest.fixture
def builds(tmp_path):
    # A name of which every character means something to a pattern or in an address.
    made = SourceBuilds(None, str(tmp_path / "st[o]re #1*"), "/usr/bin/python3")
    place = tmp_path / "scratch/cache/sdists-v10/index/six/1.0"
    (place / "src/vendored").mkdir(parents=True)
    (place / WHEEL).write_text("built")
    (place / "src/vendored" / WHEEL).write_text("not what was built")
    return made


def keep(builds, tmp_path):
    builds._keep(str(tmp_path / "scratch"), [PIN])


def test_what_was_built_is_kept_and_addressed(builds, tmp_path):
    assert builds.missing([PIN]) == [PIN]
    keep(builds, tmp_path)
    assert builds.missing([PIN]) == []
    (found,) = builds.pins([PIN])
    assert found.hashes == ("sha256:" + hashlib.sha256(b"built").hexdigest(),)
    assert "%231%2A" in found.url
    assert [name for name in os.listdir(builds.store) if name.startswith(".")] == []


@pytest.mark.parametrize("damage", ["cut", "changed", "no record", "gone"])
def test_what_is_damaged_is_built_anew(builds, tmp_path, damage, monkeypatch):
    keep(builds, tmp_path)
    (folder,) = os.listdir(builds.store)
    wheel = os.path.join(builds.store, folder, WHEEL)
    if damage == "cut":
        os.truncate(wheel, 2)
    elif damage == "changed":
        with open(wheel, "w", encoding="ascii") as stream:
            stream.write("tampered")
    else:
        os.unlink(wheel if damage == "gone" else os.path.join(builds.store, folder, "sha256"))
    built = []
    monkeypatch.setattr(builds, "_build", lambda pins, index: built.append(pins) or keep(builds, tmp_path))
    builds.pins([PIN])
    assert built == [[PIN]]
    with open(wheel, encoding="ascii") as stream:
        assert stream.read() == "built"


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: os.symlink("/etc/shadow", path)], ids=["pipe", "link"])
def test_what_is_no_wheel_is_not_kept(builds, tmp_path, make):
    wheel = tmp_path / "scratch/cache/sdists-v10/index/six/1.0" / WHEEL
    wheel.unlink()
    make(str(wheel))
    with pytest.raises(BuildError, match=r"lock:1: six: its build left something else in the place of a wheel"):
        keep(builds, tmp_path)
    assert builds.missing([PIN]) == [PIN]
