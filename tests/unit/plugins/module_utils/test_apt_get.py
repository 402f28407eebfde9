"""apt's configuration as it will be: copies in a folder that vanishes, the host's own files untouched."""

from __future__ import annotations

import base64
import os
import pathlib
import pwd
import re

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _apt_get


@pytest.fixture
def apt(tmp_path, monkeypatch):
    """An Apt over files of ours; `said` holds its commands, with the options as a dict."""
    for name, text in {
        "sources.list": "deb http://archive.example.org/debian bookworm main\ndeb http://gpu.example.org/ /\n",
        "sources.list.d/cuda.list": "deb http://gpu.example.org/ /\n",
        "sources.list.d/other.sources": "Types: deb\n",
        "preferences.d/cuda-pin": "Package: *\n",
        "preferences.d/own": "Package: jq\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    for name, path in {
        "_SOURCE_LIST": "sources.list",
        "_SOURCE_PARTS": "sources.list.d",
        "_PREFERENCE_PARTS": "preferences.d",
    }.items():
        monkeypatch.setattr(_apt_get, name, str(tmp_path / path))
    said = []

    def run(command, environ_update=None):
        options = dict(re.findall(r"-o (\S+?)=(\S*)", " ".join(command)))
        said.append((command[0], options))
        return 0, "", ""

    made = _apt_get.Apt(run, 1)
    made.said, made.host = said, tmp_path
    yield made
    made.close()


def text(path):
    return pathlib.Path(path).read_text(encoding="utf-8")


def texts(folder):
    return {name: text(os.path.join(folder, name)) for name in sorted(os.listdir(folder))}


def test_without_pretending_the_hosts_own_is_asked(apt):
    apt.simulate("install", ["jq"])
    assert not [name for name in apt.said[0][1] if name.startswith("Dir::Etc")]


def test_what_goes_is_not_there_and_what_comes_is(apt):
    host = str(apt.host)
    apt.pretend(
        [{"name": "cuda", "content": "Types: deb\nURIs: x\n", "key": base64.b64encode(b"key").decode()}],
        {"mlinabox-cuda.pref": "Package: a\n"},
        {f"{host}/sources.list": ["deb http://gpu.example.org/ /"], f"{host}/sources.list.d/cuda.list": [],
         f"{host}/preferences.d/cuda-pin": []},
    )  # fmt: skip
    apt.simulate("install", ["jq"])
    options = apt.said[0][1]
    assert text(options["Dir::Etc::sourcelist"]) == ("deb http://archive.example.org/debian bookworm main\n")
    parts = texts(options["Dir::Etc::sourceparts"])
    assert sorted(parts) == ["mlinabox-cuda.sources", "other.sources"]
    key = re.search(r"^Signed-By: (\S+)$", parts["mlinabox-cuda.sources"], re.MULTILINE).group(1)
    assert text(key) == "key"
    assert texts(options["Dir::Etc::preferencesparts"]) == {
        "mlinabox-cuda.pref": "Package: a\n",
        "own": "Package: jq\n",
    }
    scratch = os.path.dirname(key)
    # apt fetches as a user of its own.
    assert os.stat(scratch).st_mode & 0o777 == 0o755
    apt.close()
    assert not os.path.exists(scratch)
    assert "gpu.example.org" in (apt.host / "sources.list").read_text()
    apt.simulate("install", ["jq"])
    assert not [name for name in apt.said[-1][1] if name.startswith("Dir::Etc")]


def test_one_source_alone(apt):
    apt.pretend([{"name": "cuda", "content": "Types: deb\n"}], alone=True)
    apt.own_lists()
    apt.update()
    options = apt.said[0][1]
    assert text(options["Dir::Etc::sourcelist"]) == ""
    assert sorted(texts(options["Dir::Etc::sourceparts"])) == ["mlinabox-cuda.sources"]
    assert "Signed-By" not in texts(options["Dir::Etc::sourceparts"])["mlinabox-cuda.sources"]
    assert os.path.isdir(options["Dir::State::lists"] + "/partial")


def test_lists_are_fetched_by_apts_own_user(apt, monkeypatch):
    class Nobody:
        pw_uid = os.getuid()

    owners = []
    monkeypatch.setattr(pwd, "getpwnam", lambda name: Nobody)
    monkeypatch.setattr(os, "chown", lambda path, user, group: owners.append((os.path.basename(path), user)))
    apt.own_lists()
    assert owners == [("partial", os.getuid())]
