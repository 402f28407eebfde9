"""Damage in uv's cache is found by sizes, whatever was emptied."""

from __future__ import annotations

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils._uv_cache import damaged_in_cache


@pytest.fixture
def cache(tmp_path):
    """A cache (path) with two wheels unpacked, as uv 0.13.8 has them."""
    for number, name in enumerate(["First_One", "second"]):
        archive = tmp_path / "archive-v0" / f"id{number}"
        information = archive / f"{name}-1.0.dist-info"
        information.mkdir(parents=True)
        (archive / "module.py").write_text("VALUE = 1\n")
        (information / "METADATA").write_text("Name: x\n")
        (information / "RECORD").write_text(
            f"module.py,sha256=x,10\n{information.name}/METADATA,sha256=x,8\n{information.name}/RECORD,,\n"
        )
    return tmp_path


def test_a_whole_cache_has_no_damage(cache):
    assert damaged_in_cache(str(cache)) == []


def test_no_cache_has_no_damage(tmp_path):
    assert damaged_in_cache(str(tmp_path / "none")) == []


@pytest.mark.parametrize(
    "file", ["module.py", "First_One-1.0.dist-info/METADATA", "First_One-1.0.dist-info/RECORD"], ids=lambda name: name
)
@pytest.mark.parametrize("gone", [False, True], ids=["emptied", "gone"])
def test_damage_is_found(cache, file, gone):
    path = cache / "archive-v0" / "id0" / file
    if gone:
        path.unlink()
    else:
        path.write_text("")
    assert damaged_in_cache(str(cache)) == ["first-one"]
