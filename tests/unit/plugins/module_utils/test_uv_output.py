"""What uv says while it works, and what is made of it.

recorded/uv_sync.txt is uv 0.13.8's standard error of `uv pip sync --require-hashes --no-build` with UV_NO_PROGRESS=1,
an empty cache, 24 distributions, recorded on 2026-11-21: seconds since the start, then the line; or `@` and the bytes
that its sockets had received by then.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils._progress import Progress
from ansible_collections.mlinabox.core.plugins.module_utils._uv_output import UvOutput, duration, size_text

MIB = 1 << 20
RECORDED = Path(__file__).with_name("recorded") / "uv_sync.txt"

# Recorded with uv 0.13.8 on 2026-11-21: a source distribution among wheels, with --compile-bytecode.
BUILD = """\
Using Python 3.11.7 environment at: v
Resolved 4 packages in 153ms
Downloading numpy (15.6MiB)
Downloading scipy (39.3MiB)
   Building docopt==0.6.2
 Downloaded numpy
 Downloaded scipy
      Built docopt==0.6.2
Prepared 4 packages in 1.35s
Installed 4 packages in 16ms
Bytecode compiled 1362 files in 2.90s
 + docopt==0.6.2
"""


class Told(Progress):
    """A progress that keeps what it was told."""

    def __init__(self):
        super().__init__()
        self.phases, self.text, self.done, self.total = [], "", 0, 0

    def phase(self, name, total=0, text=""):
        self.phases.append(name)
        self.text, self.done, self.total = text, 0, total

    def note(self, text):
        self.text = text

    def advance(self, done, total=None):
        self.done, self.total = done, self.total if total is None else total


class World:
    """A run of uv that is told second by second: `said` and `received` at `now`."""

    def __init__(self, builds=False, sockets=True):
        self.now, self.bytes, self.told = 0.0, 0, Told()
        received = (lambda: self.bytes) if sockets else None
        self.output = UvOutput(self.told, received, builds, lambda: self.now)

    def says(self, *lines):
        for line in lines:
            assert self.output.line(line), line
        return self

    def after(self, seconds, mib=0.0):
        for _second in range(int(seconds)):
            self.now += 1
            self.bytes += int(mib * MIB / int(seconds))
            self.output.tick()
        return self


def test_each_phase_in_turn_and_no_line_of_it_is_an_error():
    world = World().says(*BUILD.splitlines())
    assert world.told.phases == ["download", "link"]


def test_builds_are_told_by_name():
    world = World(builds=True).says(
        "   Building docopt==0.6.2", "   Building future==0.18.2", "   Building halo==0.0.31"
    )
    assert world.told.text == "docopt==0.6.2, future==0.18.2 and 1 more"
    assert (world.told.done, world.told.total) == (0, 3)
    world.says("      Built docopt==0.6.2", "      Built future==0.18.2")
    assert world.told.text == "halo==0.0.31; 2 built"
    world.says("      Built halo==0.0.31", "Prepared 3 packages in 3s", "Installed 3 packages in 4ms")
    assert (world.told.done, world.told.total) == (3, 3)
    # What a build leaves in a folder of its own is not the link phase of the environment.
    assert world.told.phases == ["build"]


TORCH, TENSORFLOW, NLTK = (
    "Downloading torch (740.4MiB)",
    "Downloading tensorflow (488.1MiB)",
    "Downloading nltk (1.4MiB)",
)


def fifty(world):
    return world.says(*(f"Downloading p{number} (10.0MiB)" for number in range(50)))


@pytest.mark.parametrize(
    ("world", "text"),
    [
        (World(), ""),
        (World().after(2, mib=3), "3.0 MiB so far, 1.5 MiB/s"),
        (World().says(TORCH), "at least 740 MiB of 740 MiB left; 0 of 1 large files; torch 740 MiB"),
        # Nothing more is announced for some seconds: that is all of it.
        (
            World().says(NLTK, TORCH, TENSORFLOW, " Downloaded nltk").after(5, mib=230),
            "1000 MiB of 1.2 GiB left, 46 MiB/s, about 22 s; 1 of 3 large files; torch 740 MiB, tensorflow 488 MiB",
        ),
        # As many as uv has under way at once: more may come.
        (
            fifty(World()).after(10, mib=100),
            "at least 400 MiB of 500 MiB left, 10 MiB/s, at least 40 s; 0 of 50 large files; "
            "p0 10 MiB, p1 10 MiB and 48 more",
        ),
        # Small files and what the protocols add: the figure would be nonsense.
        (World().says(TORCH).after(10, mib=750), "the last of 740 MiB, 75 MiB/s; 0 of 1 large files; torch 740 MiB"),
        # The rate is that of the last seconds.
        (
            World().says(TORCH).after(10, mib=640).after(10, mib=10),
            "90 MiB of 740 MiB left, 1.0 MiB/s, about 1 min 30 s; 0 of 1 large files; torch 740 MiB",
        ),
        (
            World().says(TORCH).after(2, mib=40).after(11),
            "700 MiB of 740 MiB left, nothing received for 10 s; 0 of 1 large files; torch 740 MiB",
        ),
        (World().after(11), "nothing received for 10 s"),
        # No sockets to be seen: what is under way counts as left, and no time is made up.
        (
            World(sockets=False).says(NLTK, TORCH, " Downloaded nltk").after(9),
            "740 MiB of 742 MiB left; 1 of 2 large files; torch 740 MiB",
        ),
        (World().says("Downloading torch").after(4, mib=8), "8.0 MiB so far, 2.0 MiB/s; torch"),
    ],
)
def test_the_text_of_a_download(world, text):
    assert world.told.text == text


def test_a_recorded_download_of_1_1_gib():
    """What is left is never far from what is then still received, and the announced sizes add up."""
    rows = [line.split(" ", 1) for line in RECORDED.read_text(encoding="utf-8").splitlines()]
    whole = [int(text[1:]) for _when, text in rows if text.startswith("@")][-1]
    world, worst = World(), 0.0
    for when, text in rows:
        world.now = float(when)
        if not text.startswith("@"):
            assert world.output.line(text)
            continue
        world.bytes = int(text[1:])
        world.output.tick()
        if not world.output.may_grow():
            worst = max(worst, abs(world.output.left() - (whole - world.bytes)) / whole)
            seconds = re.search(r"about (\d+) s", world.told.text)
            assert seconds or "the last of" in world.told.text
    assert 0 < worst < 0.02
    assert world.told.phases == ["download", "link"]
    assert sum(world.output._sizes.values()) == pytest.approx(whole, rel=0.02)


@pytest.mark.parametrize(
    "line",
    [
        "error: Failed to fetch: `http://127.0.0.1:9/simple/six/`",
        "  × Failed to download `torch==1.12.1`",
        "  ╰─▶ Wheels are required for `docopt` because building from source is disabled",
        "Downloading is disabled",
        "warning: `VIRTUAL_ENV=x` does not match",
        "The package `a` requires `b`",
        "",
    ],
)
def test_what_is_no_progress_stays_in_what_uv_said(line):
    assert not World().output.line(line)


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (738 * MIB, "738 MiB"), (int(1.34 * 1024 * MIB), "1.3 GiB")],
)
def test_size_text(count, text):
    assert size_text(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (41, "41 s"), (59.6, "1 min 0 s"), (125, "2 min 5 s"), (3780, "1 h 3 min")],
)
def test_duration(seconds, text):
    assert duration(seconds) == text
