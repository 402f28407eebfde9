"""A wheelhouse's way from the controller to a host: what is read, packed, taken, removed. Both halves."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _wheelhouse_copy
from ansible_collections.mlinabox.core.plugins.module_utils._wheelhouse_copy import CopyError, WheelhouseCopy
from ansible_collections.mlinabox.core.plugins.plugin_utils._wheelhouse_source import (
    SourceError,
    pack,
    parcels,
    read_source,
)


def entry(content):
    return {"size": len(content), "sha256": hashlib.sha256(content.encode()).hexdigest()}


FILES = {"a-1-py3-none-any.whl": "first", "b-2.tar.gz": "the second", "c-3-py3-none-any.whl": "a third one"}


@pytest.fixture
def source(tmp_path):
    """A wheelhouse as ./box wheelhouse leaves it, with a folder that hosts do not get (Path)."""
    folder = tmp_path / "source"
    (folder / "controller").mkdir(parents=True)
    (folder / "controller" / "t-1-py3-none-any.whl").write_text("tool")
    for name, content in FILES.items():
        (folder / name).write_text(content)
    write_manifest(folder, {**FILES, "controller/t-1-py3-none-any.whl": "tool"})
    return folder


def write_manifest(folder, files, complete=True):
    said = {"complete": complete, "files": {name: entry(content) for name, content in files.items()}}
    (folder / "wheelhouse.json").write_text(json.dumps(said))


@pytest.fixture
def host(tmp_path):
    """The path of the host's copy, which is not there yet (str)."""
    return str(tmp_path / "host" / "wheelhouse")


def bring(source, host, most=12):
    """Does what the action plugin and the module do between them. Returns the names that were sent (list of lists)."""
    files = read_source(str(source))
    copy = WheelhouseCopy(host)
    sent = parcels(copy.lacking(files), files, most)
    if sent or copy.stale(files):
        copy.prepare(files)
    for number, names in enumerate(sent):
        copy = WheelhouseCopy(host)
        if len(names) == 1:
            copy.take_file(str(source / names[0]), names[0], files)
        else:
            archive = str(source.parent / f"{number}.tar")
            pack(str(source), names, archive)
            copy.take_archive(archive, files)
    return sent


def test_what_lacks_comes_in_parcels(source, host):
    assert bring(source, host, 20) == [["a-1-py3-none-any.whl", "b-2.tar.gz"], ["c-3-py3-none-any.whl"]]
    assert sorted(os.listdir(host)) == sorted([*FILES, "brought.json"])
    assert {name: pathlib.Path(host, name).read_text() for name in FILES} == FILES
    assert bring(source, host) == []


@pytest.mark.parametrize(
    ("sizes", "most", "expected"),
    [
        ({}, 10, []),
        ({"a": 5, "b": 5, "c": 1}, 10, [["a", "b"], ["c"]]),
        ({"a": 50, "b": 5, "c": 5}, 10, [["a"], ["b", "c"]]),
        ({"a": 5, "b": 50, "c": 5}, 10, [["a"], ["b"], ["c"]]),
        ({"a": 0, "b": 0}, 10, [["a", "b"]]),
    ],
)
def test_parcels(sizes, most, expected):
    assert parcels(list(sizes), {name: {"size": size} for name, size in sizes.items()}, most) == expected


def cut(host):
    with open(os.path.join(host, "b-2.tar.gz"), "w", encoding="utf-8") as stream:
        stream.write("cut")


@pytest.mark.parametrize("harm", [cut, lambda host: os.unlink(os.path.join(host, "b-2.tar.gz"))])
def test_only_what_is_not_whole_comes_again(source, host, harm):
    bring(source, host)
    harm(host)
    assert bring(source, host) == [["b-2.tar.gz"]]


def test_another_content_of_the_same_size_comes(source, host):
    bring(source, host)
    changed = {**FILES, "b-2.tar.gz": "THE SECOND"}
    (source / "b-2.tar.gz").write_text("THE SECOND")
    write_manifest(source, changed)
    assert bring(source, host) == [["b-2.tar.gz"]]


def test_what_is_wanted_no_more_goes_and_what_is_of_others_stays(source, host):
    bring(source, host)
    for name in ("mine.whl", ".part-x"):
        with open(os.path.join(host, name), "w", encoding="utf-8") as stream:
            stream.write("x")
    write_manifest(source, {name: FILES[name] for name in ("a-1-py3-none-any.whl",)})
    assert bring(source, host) == []
    assert sorted(os.listdir(host)) == ["a-1-py3-none-any.whl", "brought.json", "mine.whl"]
    WheelhouseCopy(host).remove()
    assert os.listdir(host) == ["mine.whl"]
    os.unlink(os.path.join(host, "mine.whl"))
    WheelhouseCopy(host).remove()
    assert not os.path.exists(host)


def test_a_wheelhouse_that_somebody_made_at_that_place_is_theirs(source):
    """What ./box wheelhouse wrote there says which files it has, and not that they were brought."""
    before = sorted(os.listdir(source))
    copy = WheelhouseCopy(str(source))
    assert (copy.record, copy.stale({})) == ({}, [])
    copy.remove()
    assert sorted(os.listdir(source)) == before


def test_a_file_that_is_not_what_the_controller_says_is_refused(source, host):
    (source / "b-2.tar.gz").write_text("THE SECOND")
    with pytest.raises(CopyError, match=r"b-2\.tar\.gz is not what wheelhouse\.json on the controller says"):
        bring(source, host)
    assert sorted(os.listdir(host)) == ["a-1-py3-none-any.whl", "brought.json"]


def test_a_parcel_with_something_else(source, host, tmp_path):
    archive = str(tmp_path / "p.tar")
    (source / "evil").write_text("evil")
    pack(str(source), ["evil"], archive)
    copy = WheelhouseCopy(host)
    copy.prepare({})
    with pytest.raises(CopyError, match="'evil', which is not wanted"):
        copy.take_archive(archive, {})
    with open(archive, "w", encoding="utf-8") as stream:
        stream.write("no archive" * 100)
    with pytest.raises(CopyError, match="the parcel is damaged"):
        copy.take_archive(archive, {})


def test_too_little_space(host, tmp_path):
    with pytest.raises(CopyError, match="too little disk space"):
        WheelhouseCopy(host).require_space({"a": {"size": 1 << 60, "sha256": ""}}, 1)
    WheelhouseCopy(host).require_space({}, 1 << 60)


@pytest.mark.parametrize("text", ["", "[]", '{"files": []}', "{"])
def test_a_record_that_cannot_be_read_counts_as_none(source, host, text):
    bring(source, host)
    with open(os.path.join(host, _wheelhouse_copy.RECORD), "w", encoding="utf-8") as stream:
        stream.write(text)
    assert sorted(name for names in bring(source, host) for name in names) == sorted(FILES)


def incomplete(folder):
    write_manifest(folder, FILES, complete=False)


def unreadable(folder):
    (folder / "wheelhouse.json").write_text("{")


def lacking(folder):
    (folder / "b-2.tar.gz").unlink()


def short(folder):
    (folder / "b-2.tar.gz").write_text("x")


def empty(folder):
    for path in folder.iterdir():
        if path.is_file():
            path.unlink()


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (incomplete, "not complete"),
        (unreadable, "cannot be read"),
        (lacking, r"b-2\.tar\.gz is not there"),
        (short, r"b-2\.tar\.gz is damaged"),
        (empty, "no wheel and no source archive"),
    ],
)
def test_a_source_that_will_not_do(source, harm, said):
    harm(source)
    with pytest.raises(SourceError, match=said):
        read_source(str(source))


def test_no_source(tmp_path):
    with pytest.raises(SourceError, match="no such directory on the controller"):
        read_source(str(tmp_path / "nowhere"))


def test_a_folder_of_a_persons_own(source):
    (source / "wheelhouse.json").unlink()
    (source / "notes.txt").write_text("mine")
    assert read_source(str(source)) == {name: entry(content) for name, content in FILES.items()}
