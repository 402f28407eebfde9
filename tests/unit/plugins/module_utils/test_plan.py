"""The plan: what it says, and that carrying it out gives the lock."""

from __future__ import annotations

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils._pins import Pin
from ansible_collections.mlinabox.core.plugins.module_utils._plan import (
    carry_out,
    make_plan,
    plan_diff,
    same_version,
    summary,
)
from ansible_collections.mlinabox.core.plugins.module_utils._versions import version_key
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version


def pins(versions):
    return [Pin(name, version, ("sha256:" + "0" * 64,)) for name, version in versions.items()]


@pytest.mark.parametrize(
    ("installed", "wanted", "damaged", "expected"),
    [
        ({}, {"six": "1.16.0"}, {}, [("six", "install", "", "1.16.0")]),
        ({"six": "1.15.0"}, {"six": "1.16.0"}, {}, [("six", "upgrade", "1.15.0", "1.16.0")]),
        ({"six": "1.16.0"}, {"six": "1.15.0"}, {}, [("six", "downgrade", "1.16.0", "1.15.0")]),
        ({"six": "1.16.0"}, {}, {}, [("six", "remove", "1.16.0", "")]),
        ({"six": "1.16.0"}, {"six": "1.16.0"}, {}, []),
        ({"six": "1.16"}, {"six": "1.16.0"}, {}, []),
        ({"six": "1.16.0"}, {"six": "1.16.0"}, {"six": "six.py is missing"}, [("six", "repair", "1.16.0", "1.16.0")]),
        ({"torch": "1.12.1"}, {"torch": "1.12.1+cu116"}, {}, [("torch", "upgrade", "1.12.1", "1.12.1+cu116")]),
        # A damaged package that changes anyway is not repaired besides.
        ({"six": "1.15.0"}, {"six": "1.16.0"}, {"six": "gone"}, [("six", "upgrade", "1.15.0", "1.16.0")]),
    ],
)
def test_steps(installed, wanted, damaged, expected):
    steps = make_plan(installed, pins(wanted), damaged)
    assert [(step.name, step.action, step.before, step.after) for step in steps] == expected


names = st.sampled_from(["attrs", "numpy", "six", "torch", "wheel", "zipp"])
versions = st.sampled_from(["0.1", "1.0", "1.0.0", "1.0rc1", "1.0.post1", "2!0.1", "1.12.1", "1.12.1+cu116", "10.0"])
environments = st.dictionaries(names, versions)


@given(environments, environments)
def test_carrying_out_a_plan_gives_the_lock_and_a_second_plan_is_empty(installed, wanted):
    after = carry_out(installed, make_plan(installed, pins(wanted)))
    assert set(after) == set(wanted)
    assert all(same_version(after[name], version) for name, version in wanted.items())
    assert make_plan(after, pins(wanted)) == []


@given(environments, environments)
def test_the_diff_names_exactly_the_packages_of_the_plan(installed, wanted):
    steps = make_plan(installed, pins(wanted))
    diff = plan_diff(installed, steps, "before", "after")
    shown = {line.split("==")[0] for line in (diff["before"] + diff["after"]).splitlines()}
    assert shown == {step.name for step in steps}


def test_a_damaged_file_shows_in_the_diff():
    steps = make_plan({"six": "1.16.0"}, pins({"six": "1.16.0"}), {"six": "six.py is missing"})
    diff = plan_diff({"six": "1.16.0"}, steps, "before", "after")
    assert (diff["before"], diff["after"]) == ("six==1.16.0  # damaged: six.py is missing\n", "six==1.16.0\n")


def test_summary():
    assert summary([]) == "nothing to do"
    assert summary(make_plan({"a": "1"}, pins({"b": "1", "c": "1"}))) == "2 to install, 1 to remove"


pep440 = st.builds(
    lambda epoch, release, pre, post, dev, local: (
        (f"{epoch}!" if epoch else "") + ".".join(map(str, release)) + pre + post + dev + local
    ),
    st.integers(0, 2),
    st.lists(st.integers(0, 12), min_size=1, max_size=4),
    st.sampled_from(["", "a1", "b2", "rc1", "rc2", "a"]),
    st.sampled_from(["", ".post1", ".post2", "-1"]),
    st.sampled_from(["", ".dev0", ".dev3"]),
    st.sampled_from(["", "+cu116", "+cu116.1", "+1", "+1.abc"]),
)


@given(pep440, pep440)
def test_versions_sort_as_packaging_sorts_them(one, other):
    ours = (version_key(one) > version_key(other)) - (version_key(one) < version_key(other))
    theirs = (Version(one) > Version(other)) - (Version(one) < Version(other))
    assert ours == theirs, (one, other)
