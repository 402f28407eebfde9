# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the controller shows of a run on a host, and when: in place on a terminal, else a line every few seconds."""

from __future__ import annotations

from ..module_utils._uv_output import duration

#: Seconds between two plain lines of a host; with many hosts it is more, so that all together stay readable.
EVERY = 5.0
EVERY_FOR_EACH_HOST = 0.5
#: Seconds between two looks where the line is rewritten in place.
EVERY_IN_PLACE = 2.0
#: Seconds after which a remaining time that comes from a part that is done means something.
FIRST_ESTIMATE = 3.0


def line(who, told, seconds, other=False):
    """Return one line: who it is about, what is done, since when, how far it is.

    who: host and environment; told: what progress.json says, {} where there is nothing; seconds: since the phase began;
    other: whether it is about another run, for which this one waits.
    """
    if not told:
        return f"{who}: at work for {duration(seconds)}"
    wait = f"waits for process {told.get('pid')}: " if other else ""
    how_far = [part for part in (str(told.get("text") or ""), _pieces(told, seconds)) if part]
    rest = f": {'; '.join(how_far)}" if how_far else ""
    since = f" {duration(seconds)}" if seconds >= 1 else ""
    return f"{who}: {wait}{told.get('phase')}{since}{rest}"


def _pieces(told, seconds):
    """Return how much is done where that is not in the text, as it is for what uv does."""
    done, total = told.get("done") or 0, told.get("total") or 0
    if told.get("phase") in ("download", "build") or not (done and total):
        return ""
    pieces = f"{done} of {total}"
    if done < total and seconds >= FIRST_ESTIMATE:
        pieces += f", about {duration(max(1, seconds * (total - done) / done))}"
    return pieces


class PlainLines:
    """A line for each new phase, and one every few seconds."""

    def __init__(self, show, hosts=1):
        """show: called with the text, line end included; hosts: how many are at work at once."""
        self._show = show
        self.every = max(EVERY, EVERY_FOR_EACH_HOST * hosts)
        self._last = None
        self._phase = None

    def tell(self, text, phase, now):
        """Show the line if its time has come. now: seconds of a monotonic clock."""
        # What is told is told between two looks, so a little early is not too early.
        if phase != self._phase or self._last is None or now - self._last >= 0.8 * self.every:
            self._show(f"{text}\n")
            self._last, self._phase = now, phase

    def end(self):
        """Nothing stays behind."""


class InPlace:
    """One line on a terminal, written over again and again, and gone when what it told of is over."""

    every = EVERY_IN_PLACE

    def __init__(self, show, columns=80):
        """show: called with the text, without line ends; columns: the terminal's."""
        self._show = show
        self._room = max(20, columns - 1)
        self._shown = 0

    def tell(self, text, phase, now):  # pylint: disable=unused-argument
        """Write the line over the one before."""
        if len(text) > self._room:
            text = text[: self._room - 3] + "..."
        # Spaces and not an escape sequence: not every terminal knows one.
        self._show("\r" + text.ljust(self._shown))
        self._shown = len(text)

    def end(self):
        """Take the line away, so that what comes next begins on a clean one."""
        if self._shown:
            self._show("\r" + " " * self._shown + "\r")
            self._shown = 0
