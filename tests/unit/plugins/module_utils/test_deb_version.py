"""The order of Debian's versions. The table was made with `dpkg --compare-versions` of dpkg 1.21.22 on 2026-11-21."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _deb_version
from hypothesis import given, settings
from hypothesis import strategies as st

#: Each older than the next.
ORDER = [
    "0~~",
    "0~",
    "0",
    "1.0~rc1-1",
    "1.0-1",
    "1.0-1+b1",
    "1.0-1.1",
    "1.0a-1",
    "8.5.0.96-1+cuda10.2",
    "8.5.0.96-1+cuda11.7",
    "8.9.0.131-1+cuda12.1",
    "8.9.3.28-1+cuda12.1",
    "11.7.60-1",
    "11.7.99-1",
    "11.7.101-1",
    "11.8.89~11.8.0-5~deb12u1",
    "12.4.131-1",
    "13.0.2-1",
    "1:0.1",
    "2:0",
]


def test_older_ones_come_first():
    assert sorted(set(ORDER), key=_deb_version.key) == ORDER
    for older, newer in zip(ORDER, ORDER[1:]):
        assert _deb_version.compare(older, newer) < 0 < _deb_version.compare(newer, older)


@pytest.mark.parametrize(("one", "other"), [("1.0", "1.00"), ("0:1.0", "1.0"), ("1.0", "1.0-0"), ("1.a0", "1.a")])
def test_versions_that_are_the_same(one, other):
    assert _deb_version.compare(one, other) == 0


@pytest.mark.parametrize(
    ("version", "relation", "wanted", "satisfied"),
    [
        ("1-1", "", "", True),
        ("11.7.99-1", ">=", "11.7.99", True),
        ("11.7.64-1", ">=", "11.7.99", False),
        ("1-1", "=", "1-1", True),
        ("1-1", "=", "1-2", False),
        ("1-1", "<<", "1-1", False),
        ("1-1", "<=", "1-1", True),
        ("1-2", ">>", "1-1", True),
    ],
)
def test_relations(version, relation, wanted, satisfied):
    assert _deb_version.satisfies(version, relation, wanted) is satisfied


@pytest.mark.parametrize(
    ("version", "upstream"),
    [
        ("1:8.5.0.96-1+cuda11.7", "8.5.0.96"),
        ("11.7.1-1", "11.7.1"),
        ("8.5.0.96~cuda11.7-2", "8.5.0.96~cuda11.7"),
        ("1.0", "1.0"),
    ],
)
def test_upstreams_part(version, upstream):
    assert _deb_version.upstream(version) == upstream


VERSION = st.from_regex(r"\A[0-9][0-9a.~+]{0,5}(-[0-9a.~+]{1,3})?\Z")


@pytest.mark.skipif(not shutil.which("dpkg"), reason="no dpkg here to compare with")
@settings(max_examples=60, deadline=None)
@given(VERSION, VERSION)
def test_dpkg_says_the_same(one, other):
    order = _deb_version.compare(one, other)
    relation = "lt" if order < 0 else "gt" if order else "eq"
    assert subprocess.run(["dpkg", "--compare-versions", one, relation, other], check=False).returncode == 0
