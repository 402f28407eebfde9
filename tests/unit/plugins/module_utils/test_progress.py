"""The progress file: what it says, how often it is written, and that it never stands in a run's way."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils._progress import PHASES, Progress, read_progress


class Clock:
    """Time that goes on when it is told to."""

    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def monotonic():
    return Clock(100.0)


@pytest.fixture
def clock():
    return Clock(1_790_000_000.0)


@pytest.fixture
def progress(tmp_path, monotonic, clock):
    return Progress(str(tmp_path / "progress.json"), monotonic=monotonic, clock=clock)


def said(progress):
    with open(progress.path, encoding="utf-8") as stream:
        return json.load(stream)


def test_a_phase_is_written_whole_and_at_once(progress, clock):
    progress.phase("download", total=900)
    clock.now += 7
    progress.phase("link", total=3, text="into place")
    assert said(progress) == {
        "pid": os.getpid(),
        "started": 1_790_000_000.0,
        "phase": "link",
        "since": 1_790_000_007.0,
        "text": "into place",
        "done": 0,
        "total": 3,
    }


def test_each_phase_begins_anew(progress):
    progress.phase("download", total=900)
    progress.advance(500)
    progress.note("torch")
    progress.phase("proof")
    assert (said(progress)["text"], said(progress)["done"], said(progress)["total"]) == ("", 0, 0)


def test_it_is_written_about_twice_a_second(progress, monotonic):
    progress.phase("compile", total=32)
    seen = set()
    for done in range(1, 33):
        monotonic.now += 0.0625
        progress.advance(done)
        seen.add(said(progress)["done"])
    # Two seconds, 32 pieces. What came last before a write is what it says.
    assert seen == {0, 8, 16, 24, 32}


def test_what_was_left_out_is_written_with_the_next(progress, monotonic):
    progress.phase("download")
    progress.advance(1, total=5)
    progress.note("numpy")
    assert said(progress)["done"] == 0
    monotonic.now += 0.5
    progress.note("numpy")
    assert (said(progress)["done"], said(progress)["total"], said(progress)["text"]) == (1, 5, "numpy")


def test_nothing_new_is_not_written_again(progress, monotonic):
    progress.phase("download")
    before = os.stat(progress.path).st_ino
    monotonic.now += 5
    progress.advance(0)
    progress.note("")
    assert os.stat(progress.path).st_ino == before


def test_it_goes_with_the_run(tmp_path, progress):
    with progress:
        progress.phase("switch")
        (tmp_path / "progress.json.new").write_text("half", encoding="utf-8")
    assert list(tmp_path.iterdir()) == []
    progress.close()


def test_a_directory_that_is_not_there_does_not_stop_a_run(tmp_path):
    progress = Progress(str(tmp_path / "gone" / "progress.json"))
    progress.phase("download")
    progress.advance(1)
    progress.close()
    assert not (tmp_path / "gone").exists()


def test_a_full_disk_does_not_stop_a_run():
    full = Progress("/dev/full/progress.json")
    full.phase("download")
    full.close()


def test_one_that_nobody_looks_at_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Progress() as nothing:
        for name in PHASES:
            nothing.phase(name)
            nothing.note("something")
            nothing.advance(1)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_phase_is_a_mistake_of_ours(progress):
    with pytest.raises(ValueError, match="downlaod"):
        progress.phase("downlaod")


def test_who_reads_it_finds_a_run_that_lives(progress):
    progress.phase("download", text="torch")
    assert read_progress(progress.path)["text"] == "torch"


def test_who_reads_what_a_killed_run_left_finds_nothing(tmp_path):
    ended = subprocess.Popen(["true"])
    ended.wait()
    path = tmp_path / "progress.json"
    path.write_text(json.dumps({"pid": ended.pid, "phase": "download"}), encoding="utf-8")
    assert read_progress(str(path)) == {}


@pytest.mark.parametrize("text", [None, "", "{", "[]", "{}", '{"pid": "x"}', '{"pid": null}'])
def test_who_reads_something_else_finds_nothing(tmp_path, text):
    path = tmp_path / "progress.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert read_progress(str(path)) == {}
