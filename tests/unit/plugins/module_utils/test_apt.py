"""apt-get's output read back. Recorded on 2026-11-21 from apt 2.2.4 (Debian 11), 2.6.1 (12) and 3.0.4 (13)."""

from __future__ import annotations

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _apt

INSTALL_JQ_APT_2_2 = """\
0 upgraded, 3 newly installed, 0 to remove and 0 not upgraded.
Inst libonig5 (6.9.6-1.1 Debian:11.11/oldoldstable [amd64])
Inst libjq1 (1.6-2.1+deb11u3 Debian-Security:11/oldoldstable-security [amd64])
Inst jq (1.6-2.1+deb11u3 Debian-Security:11/oldoldstable-security [amd64])
Conf libonig5 (6.9.6-1.1 Debian:11.11/oldoldstable [amd64])
Conf libjq1 (1.6-2.1+deb11u3 Debian-Security:11/oldoldstable-security [amd64])
Conf jq (1.6-2.1+deb11u3 Debian-Security:11/oldoldstable-security [amd64])
"""
REMOVE_APT_2_2 = """\
The following packages were automatically installed and are no longer required:
  distro-info-data python-apt-common
The following packages will be REMOVED:
  python3-apt
Remv python3-apt [2.2.1.1]
"""
VERSION_APT_3_0 = """\
Package git is not available, but is referred to by another package.
However the following packages replace it:
  git-svn

E: Version '9*' for 'git' was not found
"""
VIRTUAL_APT_2_2 = """\
Package awk is a virtual package provided by:
  original-awk 2018-08-27-1
  mawk 1.3.4.20200120-2
  gawk 1:5.1.0-1

E: Package 'awk' has no installation candidate
"""
NO_NETWORK_APT_2_6 = """\
Err:1 http://deb.example.org/debian bookworm InRelease
  Temporary failure resolving 'deb.example.org'
W: Failed to fetch http://deb.example.org/dists/bookworm/InRelease  Temporary failure resolving 'deb.example.org'
W: Some index files failed to download. They have been ignored, or old ones used instead.
"""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "Inst jq (1.7.1-6+deb13u4 Debian-Security:13/stable-security [amd64])",
            ("jq", "1.7.1-6+deb13u4", "Debian-Security:13/stable-security", ""),
        ),
        (
            "Inst tzdata [2024a-0] (2024b-1 Debian:12.9/stable, Debian:12-updates/stable-updates [all]) []",
            ("tzdata", "2024b-1", "Debian:12.9/stable, Debian:12-updates/stable-updates", "2024a-0"),
        ),
        ("Inst libc6:i386 (2.36-9 Debian:12.9/stable [i386])", ("libc6", "2.36-9", "Debian:12.9/stable", "")),
        ("Inst ours (1.0 [all])", ("ours", "1.0", "an unnamed source", "")),
        ("Inst g++ (4:12.2.0-3 Debian:12.9/stable [amd64])", ("g++", "4:12.2.0-3", "Debian:12.9/stable", "")),
    ],
)
def test_an_inst_line(line, expected):
    installs, removals = _apt.parse_simulation(line + "\n")
    assert [(found["name"], found["version"], found["source"], found["old"]) for found in installs] == [expected]
    assert removals == []


def test_a_simulation():
    installs, removals = _apt.parse_simulation(INSTALL_JQ_APT_2_2)
    assert [_apt.install_line(package) for package in installs] == [
        "would install libonig5=6.9.6-1.1 from Debian:11.11/oldoldstable",
        "would install libjq1=1.6-2.1+deb11u3 from Debian-Security:11/oldoldstable-security",
        "would install jq=1.6-2.1+deb11u3 from Debian-Security:11/oldoldstable-security",
    ]
    assert removals == []
    assert _apt.parse_simulation(REMOVE_APT_2_2) == ([], ["python3-apt"])


def test_a_replacement_is_not_called_an_installation():
    package = {"name": "tzdata", "version": "2", "old": "1", "source": "Debian"}
    assert _apt.install_line(package) == "would replace 1 by tzdata=2 from Debian"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "E: Unable to locate package jqq\nE: Unable to locate package nosuch\n",
            "jqq is in no apt source of this Debian 12 (did you mean jq?); "
            "nosuch is in no apt source of this Debian 12.",
        ),
        (
            VERSION_APT_3_0,
            "git has no version 9* in the apt sources of this Debian 12; there are: 1:2.47.3-0+deb13u1.",
        ),
        (VIRTUAL_APT_2_2, "awk is a virtual package, name one that provides it: original-awk, mawk, gawk."),
        (
            "The following packages have unmet dependencies:\n a : Depends: b (>= 2) but 1 is to be installed\n"
            "E: Unable to correct problems, you have held broken packages.\n",
            "apt-get says: Unable to correct problems, you have held broken packages. "
            "(a : Depends: b (>= 2) but 1 is to be installed)",
        ),
        (
            "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem. \n",
            "apt-get says: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem. ",
        ),
        ("", "apt-get says: apt-get failed without a word."),
    ],
)
def test_a_failure_is_one_line(text, expected):
    said = _apt.explain(text, "Debian 12", ["jq", "git"], {"git": ["1:2.47.3-0+deb13u1"]})
    assert said == expected
    assert "\n" not in said


def test_sources_that_cannot_be_fetched():
    assert _apt.fetch_failures(NO_NETWORK_APT_2_6 * 2) == [
        "http://deb.example.org/dists/bookworm/InRelease: Temporary failure resolving 'deb.example.org'"
    ]
    assert _apt.fetch_failures("Get:1 http://deb.example.org bookworm InRelease [151 kB]\n") == []


def test_madison():
    line = "       git | 1:2.47 | http://{} trixie/main amd64 Packages\n"
    text = line.format("a") + line.format("b")
    assert _apt.parse_madison(text + "N: Unable to locate package x\n") == ["1:2.47"]
