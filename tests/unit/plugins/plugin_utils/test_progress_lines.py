"""What is shown of a run on a host, and when."""

from __future__ import annotations

import pytest
from ansible_collections.mlinabox.core.plugins.plugin_utils._progress_lines import InPlace, PlainLines, line

DOWNLOAD = {
    "pid": 4711,
    "phase": "download",
    "text": "1.3 GiB of 2.1 GiB left, 34 MiB/s, about 41 s",
    "done": 858993459,
    "total": 2254857830,
}


@pytest.mark.parametrize(
    ("told", "seconds", "other", "shown"),
    [
        ({}, 12.3, False, "at work for 12 s"),
        (DOWNLOAD, 72, False, "download 1 min 12 s: 1.3 GiB of 2.1 GiB left, 34 MiB/s, about 41 s"),
        (
            DOWNLOAD,
            72,
            True,
            "waits for process 4711: download 1 min 12 s: 1.3 GiB of 2.1 GiB left, 34 MiB/s, about 41 s",
        ),
        (
            {"phase": "build", "text": "docopt, halo; 1 built", "done": 1, "total": 3},
            9,
            False,
            "build 9 s: docopt, halo; 1 built",
        ),
        ({"phase": "link", "text": "", "done": 0, "total": 0}, 0.4, False, "link"),
        # Nothing is done yet, so nothing can be said of it.
        ({"phase": "proof", "text": "", "done": 0, "total": 35}, 7, False, "proof 7 s"),
        (
            {"phase": "proof", "text": "torch", "done": 7, "total": 35},
            14,
            False,
            "proof 14 s: torch; 7 of 35, about 56 s",
        ),
        ({"phase": "compile", "text": "", "done": 900, "total": 1000}, 2, False, "compile 2 s: 900 of 1000"),
        ({"phase": "compile", "text": "", "done": 1000, "total": 1000}, 20, False, "compile 20 s: 1000 of 1000"),
    ],
)
def test_line(told, seconds, other, shown):
    assert line("host1 stack", told, seconds, other) == f"host1 stack: {shown}"


@pytest.mark.parametrize(
    ("hosts", "when", "shown"),
    [
        # (seconds, phase) of what is told; the seconds at which something is shown.
        (1, [(0, "download"), (2, "download"), (5, "download"), (10, "download")], [0, 5, 10]),
        (1, [(0, "download"), (1, "link"), (2, "compile"), (3, "compile")], [0, 1, 2]),
        (1, [(0, "download"), (4.9, "download"), (9.9, "download")], [0, 4.9, 9.9]),
        (10, [(0, "download"), (5, "download")], [0, 5]),
        # Forty hosts: two lines a second all together, not eight.
        (40, [(0, "download"), (5, "download"), (10, "download"), (20, "download")], [0, 20]),
    ],
)
def test_plain_lines_come_every_few_seconds_and_with_each_phase(hosts, when, shown):
    said = []
    lines = PlainLines(said.append, hosts)
    for now, phase in when:
        lines.tell(str(now), phase, now)
    lines.end()
    assert said == [f"{now}\n" for now in shown]


class Terminal:
    """What is to be seen of one line, after what was written to it."""

    def __init__(self):
        self.cells, self.at = [], 0

    def __call__(self, text):
        for one in text:
            assert one != "\n"
            if one == "\r":
                self.at = 0
                continue
            self.cells[self.at : self.at + 1] = [one]
            self.at += 1

    @property
    def seen(self):
        return "".join(self.cells).rstrip()


def test_in_place_each_line_is_all_that_is_seen():
    terminal = Terminal()
    lines = InPlace(terminal, columns=80)
    for text in ("host1 stack: download 41 s: much is left", "host1 stack: link", "host1 stack: compile 3 s"):
        lines.tell(text, "", 0)
        assert terminal.seen == text
    lines.end()
    assert terminal.seen == ""
    assert terminal.at == 0


def test_in_place_a_line_never_wraps():
    terminal = Terminal()
    lines = InPlace(terminal, columns=40)
    lines.tell("host1 stack: download 41 s: " + "x" * 100, "", 0)
    lines.tell("host1 stack: download 42 s: " + "y" * 100, "", 0)
    assert len(terminal.cells) == 39
    assert terminal.seen.endswith("yyy...")


def test_in_place_nothing_told_leaves_the_terminal_alone():
    said = []
    InPlace(said.append).end()
    assert said == []
