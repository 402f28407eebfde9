"""Records of what was installed for whom."""

from __future__ import annotations

import json

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _apt_record


def record(requested=(), installed=None, sources=(), held=()):
    return {"requested": list(requested), "installed": installed or {}, "sources": list(sources), "held": list(held)}


def install(name, version="1", old=""):
    return {"name": name, "version": version, "source": "s", "old": old}


def test_a_record_grows_by_what_is_new_and_nothing_else():
    first = _apt_record.grown(None, ["jq"], [install("jq"), install("libc6", "2", old="1")], [])
    assert first == record(["jq"], {"jq": "1"})
    assert _apt_record.grown(first, ["jq"], [], []) == first
    second = _apt_record.grown(first, ["git"], [install("git")], ["s"])
    assert second == record(["git", "jq"], {"git": "1", "jq": "1"}, ["s"])
    held = _apt_record.grown(second, ["git"], [], [], ["git"])
    assert held == record(["git", "jq"], {"git": "1", "jq": "1"}, ["s"], ["git"])
    assert _apt_record.grown(held, ["git"], [], [], []) == held


def test_another_version_takes_the_place_of_the_one_that_was_asked_for():
    first = _apt_record.grown(None, ["jq=1", "git"], [install("jq")], [])
    second = _apt_record.grown(first, ["jq=2"], [install("jq", "2", old="1"), install("libc6", "2", old="1")], [])
    assert second == record(["git", "jq=2"], {"jq": "2"})


def test_what_others_asked_for_stays():
    records = {
        "mine": record(["jq", "git"], {"jq": "1", "git": "1"}, ["a", "b"]),
        "theirs": record(["git=1*"], {}, ["b"]),
    }
    assert _apt_record.nobody_elses("mine", records) == (["jq"], ["a"])
    assert _apt_record.nobody_elses("unknown", records) == ([], [])


def test_what_stays_for_others_goes_with_them():
    records = {"mine": record(["git"], {"git": "1", "jq": "1"}), "theirs": record(["git"], {"zip": "1"})}
    assert _apt_record.inherited("mine", ["git"], records) == {"theirs": record(["git"], {"git": "1", "zip": "1"})}
    assert _apt_record.inherited("mine", [], records) == {}
    assert _apt_record.inherited("mine", ["git"], {"mine": records["mine"]}) == {}


def test_records_are_read(tmp_path):
    assert _apt_record.read_records(str(tmp_path / "none")) == {}
    (tmp_path / "tools.json").write_text(json.dumps(record(["jq"], held=["jq"])))
    (tmp_path / "earlier.json").write_text('{"requested": ["jq"], "installed": {}, "sources": []}')
    (tmp_path / "README").write_text("not a record")
    assert _apt_record.read_records(str(tmp_path)) == {"tools": record(["jq"], held=["jq"]), "earlier": record(["jq"])}


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", '{"requested": 1, "installed": {}, "sources": []}'])
def test_a_damaged_record_is_named(tmp_path, text):
    (tmp_path / "tools.json").write_text(text)
    with pytest.raises(ValueError, match=r"tools\.json is damaged"):
        _apt_record.read_records(str(tmp_path))
