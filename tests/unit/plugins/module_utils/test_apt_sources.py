"""apt's sources as files have them; addresses are examples."""

from __future__ import annotations

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _adoption_host, _apt_sources

ONE_LINE = """\
# deb http://off.example.org/debian bookworm main
deb http://archive.example.org/debian bookworm main
deb [arch=amd64 signed-by=/keys/own.gpg] http://archive.example.org/debian bookworm-updates main contrib # x
deb-src http://archive.example.org/debian bookworm main
deb http://flat.example.org/x86_64/ /
"""
DEB822 = """\
# the distribution's
Types: deb deb-src
URIs: http://archive.example.org/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://off.example.org/debian
Suites: bookworm
Components: main
Enabled: no

Types: deb
URIs: http://key.example.org/
Suites: ./
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mDME
 -----END PGP PUBLIC KEY BLOCK-----
"""


def told(entries):
    return [(entry["type"], entry["uri"], entry["suite"], entry["components"], entry["signed_by"]) for entry in entries]


def test_the_one_line_form():
    uri = "http://archive.example.org/debian"
    assert told(_apt_sources.parse_list(ONE_LINE)) == [
        ("deb", uri, "bookworm", ["main"], ""),
        ("deb", uri, "bookworm-updates", ["main", "contrib"], "/keys/own.gpg"),
        ("deb-src", uri, "bookworm", ["main"], ""),
        ("deb", "http://flat.example.org/x86_64/", "/", [], ""),
    ]


def test_deb822():
    found = told(_apt_sources.parse_deb822(DEB822))
    uri, key = "http://archive.example.org/debian", "/usr/share/keyrings/debian-archive-keyring.gpg"
    assert found[:4] == [
        ("deb", uri, "bookworm", ["main"], key),
        ("deb", uri, "bookworm-updates", ["main"], key),
        ("deb-src", uri, "bookworm", ["main"], key),
        ("deb-src", uri, "bookworm-updates", ["main"], key),
    ]
    ((_type, uri, _suite, _components, signed_by),) = found[4:]
    assert uri == "http://key.example.org/"
    assert signed_by.splitlines()[1] == " -----BEGIN PGP PUBLIC KEY BLOCK-----"


def test_files_are_read_by_their_names(tmp_path):
    folder = tmp_path / "etc/apt/sources.list.d"
    folder.mkdir(parents=True)
    (tmp_path / "etc/apt/sources.list").write_text("deb http://a.example.org/ a main\n")
    (folder / "b.list").write_text("deb http://b.example.org/ b main\n")
    (folder / "c.sources").write_text("Types: deb\nURIs: http://c.example.org/\nSuites: c\nComponents: main\n")
    (folder / "d.list.save").write_text("deb http://d.example.org/ d main\n")
    found = _apt_sources.read(_adoption_host.Host(str(tmp_path)))
    assert [(entry["file"], entry["suite"]) for entry in found] == [
        ("/etc/apt/sources.list", "a"),
        ("/etc/apt/sources.list.d/b.list", "b"),
        ("/etc/apt/sources.list.d/c.sources", "c"),
    ]


def test_a_source_for_more_components_is_like_the_hosts_own():
    content, lacking = _apt_sources.with_components(
        _apt_sources.parse_deb822(DEB822), "bookworm", ["contrib", "non-free"]
    )
    assert content.splitlines() == [
        "Types: deb",
        "URIs: http://archive.example.org/debian",
        "Suites: bookworm",
        "Components: contrib non-free",
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg",
    ]
    assert lacking == ["contrib", "non-free"]


def test_a_host_that_reads_all_keys_goes_on_doing_so():
    content, _lacking = _apt_sources.with_components(_apt_sources.parse_list(ONE_LINE), "bookworm", ["non-free"])
    assert "Signed-By" not in content


def test_components_that_are_there_do_not_lack():
    entries = _apt_sources.parse_list(
        "deb http://a.example.org/debian/ stable main\ndeb http://a.example.org/debian stable non-free\n"
    )
    _content, lacking = _apt_sources.with_components(entries, "bookworm", ["contrib", "non-free"])
    assert lacking == ["contrib"]


def test_a_host_without_an_archive():
    with pytest.raises(ValueError, match="no archive with the component main of bookworm"):
        _apt_sources.with_components(_apt_sources.parse_list("deb http://flat.example.org/ /\n"), "bookworm", ["x"])
