"""The option `indexes`: which packages come from an index of their own."""

from __future__ import annotations

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils._pins import Pin
from ansible_collections.mlinabox.core.plugins.plugin_utils._lock_file import LockFileError
from ansible_collections.mlinabox.core.plugins.plugin_utils._lock_indexes import assign_indexes, read_indexes

URL, OTHER = "https://mirror.example.org/simple", "https://other.example.org/simple"
HASH = ("sha256:" + "a" * 64,)


def test_packages_get_their_index():
    wanted = read_indexes([{"url": URL + "/", "packages": ["Foo_Bar", "six"]}, {"url": OTHER, "packages": ["win"]}])
    assert wanted == {"foo-bar": URL, "six": URL, "win": OTHER}
    pins = [Pin("foo-bar", "1", HASH), Pin("six", "1", HASH, index=OTHER), Pin("zipp", "1", HASH, index=OTHER)]
    # win is the lock's on another host.
    found = assign_indexes(pins, wanted, {"foo-bar", "six", "win", "zipp"}, "lock.txt")
    assert [(pin.name, pin.index) for pin in found] == [("foo-bar", URL), ("six", URL), ("zipp", OTHER)]


@pytest.mark.parametrize(
    ("indexes", "message"),
    [
        (["x"], "indexes: an index is a mapping with url and packages, not 'x'"),
        ([{"url": URL}], "indexes: an index is a mapping with url and packages"),
        ([{"url": "mirror", "packages": ["six"]}], "indexes: 'mirror' is no address of an index"),
        ([{"url": URL, "packages": []}], f"indexes: {URL}: packages must be a list of names"),
        ([{"url": URL, "packages": "six"}], f"indexes: {URL}: packages must be a list of names"),
        (
            [{"url": URL, "packages": ["six"]}, {"url": OTHER, "packages": ["SIX"]}],
            f"indexes: six: is named for {URL} and for {OTHER}. Leave one",
        ),
    ],
)
def test_refused(indexes, message):
    with pytest.raises(ValueError) as error:
        read_indexes(indexes)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("pin", "wanted", "message"),
    [
        (Pin("six", "1", HASH), {"sixx": URL}, "lock.txt:1: the option indexes names sixx, which the lock has not"),
        (
            Pin("six", "1", HASH, "https://e.org/six-1.tar.gz", "lock.txt:4"),
            {"six": URL},
            "lock.txt:4: six: comes from https://e.org/six-1.tar.gz, so the option indexes cannot say",
        ),
        (
            Pin("six", "1", HASH, "", "lock.txt:4", "../dist"),
            {},
            "lock.txt:4: six: comes from ../dist, which is no address",
        ),
    ],
)
def test_refused_for_a_lock(pin, wanted, message):
    with pytest.raises(LockFileError) as error:
        assign_indexes([pin], wanted, {"six"}, "lock.txt")
    assert str(error.value).startswith(message)
