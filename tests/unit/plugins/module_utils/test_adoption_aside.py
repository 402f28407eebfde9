# Copyright: (c) 2026, The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is moved aside comes back as it was, whatever happened in between, or nothing comes back."""

from __future__ import annotations

import errno
import hashlib
import os
import pathlib

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _adoption, _adoption_aside, _nvidia_keys

ASIDE = "/var/lib/mlinabox/aside"


@pytest.fixture
def host(tmp_path):
    """A host with one trace of each kind of action."""
    files = {
        "usr/bin/python3.9": "",
        "usr/bin/python3.11": "",
        "usr/share/python3/debian_defaults": "default-version = python3.9\n",
        "usr/local/lib/python3.9/dist-packages/six-1.dist-info/RECORD": "../../../bin/six,,\n",
        "usr/local/bin/six": "#!/usr/bin/python3\n",
        "etc/passwd": "root:x:0:0::/root:/bin/sh\n",
        "root/.bashrc": "first\nexport PATH=/usr/local/cuda/bin:$PATH\nlast\n",
    }
    for path, content in files.items():
        real = tmp_path / path
        real.parent.mkdir(parents=True, exist_ok=True)
        real.write_text(content)
    (tmp_path / "usr/bin/python3").symlink_to("python3.11")
    (tmp_path / "root/.bashrc").chmod(0o640)
    return _adoption.Host(str(tmp_path))


def picture(host, below=("usr", "root", "etc")):
    """Every path with its mode, and its target or content."""
    seen = {}
    for top in below:
        for base, folders, files in os.walk(host.real(top)):
            for name in folders + files:
                path = os.path.join(base, name)
                mode = os.lstat(path).st_mode
                if os.path.islink(path):
                    seen[path] = (mode, os.readlink(path))
                else:
                    seen[path] = (mode, b"" if os.path.isdir(path) else pathlib.Path(path).read_bytes())
    return seen


def away(host):
    return _adoption_aside.move(host, _adoption_aside.plan(_adoption.find(host)), ASIDE)


def back(host):
    for folder, steps in _adoption_aside.plan_back(host, ASIDE):
        _adoption_aside.put_back(host, folder, steps)


def test_there_and_back_again(host):
    before = picture(host)
    folder = away(host)
    assert _adoption.find(host) == []
    assert host.link("/usr/bin/python3") == "python3.9"
    assert host.text("/root/.bashrc") == "first\nlast\n"
    assert os.stat(host.real("/root/.bashrc")).st_mode & 0o777 == 0o640
    assert os.stat(host.real(folder)).st_mode & 0o777 == 0o700
    back(host)
    assert picture(host) == before
    assert not host.exists(ASIDE)
    assert _adoption_aside.plan_back(host, ASIDE) == []


def test_a_second_move_finds_nothing(host):
    away(host)
    assert _adoption_aside.plan(_adoption.find(host)) == []


def test_each_step_is_said_in_one_line(host):
    steps = _adoption_aside.plan(_adoption.find(host))
    assert [_adoption_aside.describe(step) for step in steps] == [
        "let /usr/bin/python3 lead to python3.9",
        "move /usr/local/lib/python3.9/dist-packages aside",
        "move /usr/local/bin/six aside",
        "take 1 lines out of /root/.bashrc",
    ]
    away(host)
    ((_folder, steps),) = _adoption_aside.plan_back(host, ASIDE)
    assert [_adoption_aside.describe(step, back=True) for step in steps] == [
        "put the lines in /root/.bashrc back",
        "put /usr/local/bin/six back",
        "put /usr/local/lib/python3.9/dist-packages back",
        "let /usr/bin/python3 lead to python3.11",
    ]


def test_a_keyring_loses_nvidias_key_and_gets_it_back(host, monkeypatch):
    def packet(letter):
        return b"\x99\x00\x3d\x04" + letter * 60

    monkeypatch.setattr(
        _nvidia_keys, "FINGERPRINTS", {"x": hashlib.sha1(packet(b"n")).hexdigest().upper(), "y": "another"}
    )
    ring = host.real("/etc/apt/trusted.gpg")
    os.makedirs(os.path.dirname(ring))
    pathlib.Path(ring).write_bytes(packet(b"o") + packet(b"n"))
    before = picture(host)
    plan = _adoption_aside.plan([found for found in _adoption.find(host) if found.code == "apt-key"])
    assert [_adoption_aside.describe(step) for step in plan] == ["take 1 keys out of /etc/apt/trusted.gpg"]
    _adoption_aside.move(host, plan, ASIDE)
    assert pathlib.Path(ring).read_bytes() == packet(b"o")
    back(host)
    assert picture(host) == before


@pytest.mark.parametrize("killed_at", range(4))
def test_a_run_that_is_killed_half_way_can_be_taken_back(host, killed_at, monkeypatch):
    before = picture(host)
    kept = _adoption_aside._kept
    calls = []

    def dying(*arguments):
        calls.append(arguments)
        if len(calls) > killed_at:
            raise KeyboardInterrupt
        return kept(*arguments)

    monkeypatch.setattr(_adoption_aside, "_kept", dying)
    with pytest.raises(KeyboardInterrupt):
        away(host)
    monkeypatch.undo()
    back(host)
    assert picture(host) == before


def test_a_file_that_is_killed_between_its_copy_and_its_change_comes_back(host, monkeypatch):
    before = picture(host)
    write = _adoption_aside._write

    def dying(path, data):
        if path.endswith(".bashrc"):
            raise KeyboardInterrupt
        write(path, data)

    monkeypatch.setattr(_adoption_aside, "_write", dying)
    with pytest.raises(KeyboardInterrupt):
        away(host)
    monkeypatch.undo()
    back(host)
    assert picture(host) == before


#: What somebody did since -> nothing is put back.
CONFLICTS = {
    "a package installed again": lambda root: (root / "usr/local/lib/python3.9/dist-packages").mkdir(),
    "the file edited": lambda root: (root / "root/.bashrc").write_text("mine\n"),
    "the link moved": lambda root: (
        (root / "usr/bin/python3").unlink(),
        (root / "usr/bin/python3").symlink_to("python3.8"),
    ),
}


@pytest.mark.parametrize("name", CONFLICTS)
def test_nothing_is_put_back_where_something_new_is_in_its_place(host, tmp_path, name):
    away(host)
    CONFLICTS[name](tmp_path)
    before = picture(host, ("usr", "root", "etc", "var"))
    with pytest.raises(_adoption_aside.AsideError, match="something new"):
        _adoption_aside.plan_back(host, ASIDE)
    assert picture(host, ("usr", "root", "etc", "var")) == before


def test_two_moves_come_back_the_newest_first(host, tmp_path, monkeypatch):
    before = picture(host)
    away(host)
    with open(host.real("/root/.bashrc"), "a") as stream:
        stream.write("export LD_LIBRARY_PATH=/usr/local/cuda/lib64\n")
    monkeypatch.setattr(_adoption_aside.time, "strftime", lambda *_ignored: "29991231T235959Z")
    away(host)
    # The newer folder gives back a file that has changed since the older one was filled.
    with pytest.raises(_adoption_aside.AsideError, match="bashrc"):
        _adoption_aside.plan_back(host, ASIDE)
    # A person settles it: the newer one back alone, then the added line out.
    step = {"kind": "strip", "path": "/root/.bashrc"}
    _adoption_aside.put_back(host, ASIDE + "/29991231T235959Z", [step])
    (tmp_path / "root/.bashrc").write_text("first\nlast\n")
    back(host)
    assert picture(host) == before


def test_a_damaged_manifest_is_named(host):
    folder = away(host)
    with open(host.real(folder + "/manifest.json"), "w") as stream:
        stream.write("{")
    with pytest.raises(_adoption_aside.AsideError, match=r"manifest\.json is damaged"):
        _adoption_aside.plan_back(host, ASIDE)


def test_on_another_file_system_it_is_copied_whole(host, monkeypatch):
    before = picture(host)
    rename = os.rename

    def refusing(source, target):
        if os.path.dirname(source) != os.path.dirname(target):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        rename(source, target)

    monkeypatch.setattr(_adoption_aside.os, "rename", refusing)
    away(host)
    assert _adoption.find(host) == []
    back(host)
    assert picture(host) == before


def test_paths_that_somebody_names_go_the_same_way(host):
    before = picture(host)
    steps = _adoption_aside.plan_paths(host, ["/usr/local/bin/six", "/usr/local/bin/none"])
    assert [step["path"] for step in steps] == ["/usr/local/bin/six"]
    _adoption_aside.move(host, steps, ASIDE)
    assert not host.exists("/usr/local/bin/six")
    back(host)
    assert picture(host) == before
