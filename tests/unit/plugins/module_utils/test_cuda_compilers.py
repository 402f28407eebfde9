"""Which gcc an nvcc takes: the table, the toolkit's own word, and what a release of the distribution has."""

from __future__ import annotations

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _cuda_compilers

#: As in crt/host_config.h of CUDA 13.0.
HEADER = """\
#if defined(__GNUC__)

#if __GNUC__ > {}

#error -- unsupported GNU version! gcc versions later than 15 are not supported!
"""


@pytest.mark.parametrize(
    ("release", "newest"),
    [
        ("9.2.0", 0),
        ("10.2.89", 8),
        ("11.2.2", 10),
        ("11.4.0", 10),
        ("11.4.1", 11),
        ("11.7.1", 11),
        ("12.1.1", 12),
        ("12.4", 13),
        ("12.9.1", 14),
        ("13.0.2", 15),
        # Newer than the table.
        ("13.1.0", 0),
        ("14.0.0", 0),
    ],
)
def test_the_table(release, newest):
    assert _cuda_compilers.newest_gcc(release) == newest


@pytest.mark.parametrize("place", ["targets/x86_64-linux/include", "include"])
def test_the_toolkits_own_word(tmp_path, place):
    assert _cuda_compilers.limit_of(str(tmp_path)) == 0
    header = tmp_path / place / "crt" / "host_config.h"
    header.parent.mkdir(parents=True)
    header.write_text(HEADER.format(15))
    assert _cuda_compilers.limit_of(str(tmp_path)) == 15


@pytest.mark.parametrize(
    ("release", "default", "others", "package"),
    [
        ("11.7.1", 9, [10], "g++"),
        ("11.7.1", 11, [9, 10, 12], "g++"),
        ("11.8.0", 12, [11], "g++-11"),
        ("12.4.1", 14, [12, 13, 14], "g++-13"),
        ("14.0.0", 20, [], "g++"),
    ],
)
def test_the_distributions_own_where_it_will_do(release, default, others, package):
    assert _cuda_compilers.choose(release, default, others) == package


def test_the_toolkits_word_counts_more_than_the_table():
    assert _cuda_compilers.choose("11.7.1", 12, [11], newest=12) == "g++"


def test_none_will_do():
    with pytest.raises(ValueError, match=r"nvcc of CUDA 10\.2\.89 takes gcc up to 8, and here there is 11, 12$"):
        _cuda_compilers.choose("10.2.89", 12, [11])
