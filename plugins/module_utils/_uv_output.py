# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What uv says while it works, turned into progress: what comes now, how much is left, how fast, for how long.

Without a terminal uv (0.13.8) names a file when it begins, with its size, and again when it is whole, and only files
over 1 MiB. So what is announced is not all there is: uv has up to 50 files under way at once and announces the next
when one is done. As long as it may have more to announce, what is left is given as "at least".
"""

from __future__ import annotations

import re
import time
from collections import deque

from ._progress import Progress

_BEGINS = re.compile(r"^Downloading (\S+)(?: \(([\d.]+)(B|KiB|MiB|GiB|TiB)\))?$")
_WHOLE = re.compile(r"^ Downloaded (\S+)$")
_BUILDS = re.compile(r"^ +Building (\S+)")
_BUILT = re.compile(r"^ +Built (\S+)")
_PREPARED = re.compile(r"^Prepared \d+ packages? in ")
_OTHER = re.compile(
    r"^(Using Python |Resolved \d+ |Installed \d+ |Uninstalled \d+ |Audited \d+ |Bytecode compiled | [-+~] \S+==)"
)
_UNIT = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}

#: How many files uv has under way at once (its UV_CONCURRENT_DOWNLOADS).
CONCURRENT = 50
#: Seconds without an announcement after which none is expected, where uv could have begun another file.
QUIET = 3.0
#: Seconds over which the rate is taken, and after which a standstill is told.
WINDOW = 10.0


class UvOutput:
    """Listens to one run of uv: `line` for each line of its standard error, `tick` about every second."""

    def __init__(self, progress=None, received=None, builds=False, monotonic=time.monotonic):
        """progress: Progress to tell; builds: whether this run is there to build source distributions.

        received: returns the bytes received so far, or None where that is not known; it is asked at each tick.
        """
        self.progress = progress or Progress()
        self.received = received or (lambda: None)
        self.builds = builds
        self._monotonic = monotonic
        self._sizes, self._under_way = {}, {}  # name -> bytes
        self._building, self._built = [], 0
        self._announced = monotonic()
        self._samples = deque([(monotonic(), 0)])  # (when, bytes received until then)
        self._prepared = False
        self.progress.phase("build" if builds else "download")

    def line(self, text):
        """Take a line in. Returns whether it is only about progress, so that no error message needs it."""
        begins = _BEGINS.match(text)
        if begins:
            name = begins.group(1)
            size = int(float(begins.group(2) or 0) * _UNIT[begins.group(3) or "B"])
            self._sizes[name] = self._under_way[name] = size
            self._announced = self._monotonic()
        elif _WHOLE.match(text):
            self._under_way.pop(_WHOLE.match(text).group(1), None)
        elif _BUILDS.match(text):
            self._building.append(_BUILDS.match(text).group(1))
        elif _BUILT.match(text):
            name = _BUILT.match(text).group(1)
            self._building = [other for other in self._building if other != name]
            self._built += 1
        elif _PREPARED.match(text):
            self._prepared = True
            if not self.builds:
                self.progress.phase("link")
        else:
            return bool(_OTHER.match(text))
        self._tell()
        return True

    def tick(self):
        """Look how much has been received, and tell."""
        if self._prepared:
            return
        count = self.received()
        if count is not None:
            now = self._monotonic()
            self._samples.append((now, count))
            while now - self._samples[0][0] > WINDOW:
                self._samples.popleft()
        self._tell()

    def _tell(self):
        if self._prepared:
            return
        if self.builds:
            self.progress.note(self._build_text())
            self.progress.advance(self._built, self._built + len(self._building))
            return
        total = sum(self._sizes.values())
        self.progress.note(self._download_text())
        self.progress.advance(total - self.left(), total)

    # --- figures -------------------------------------------------------------------------------------------------

    def left(self):
        """Return the bytes (int) that are left of what was announced."""
        under_way = sum(self._under_way.values())
        # Small files are received too and were never announced: without them it is a little less than it says.
        return min(under_way, max(0, sum(self._sizes.values()) - self._samples[-1][1]))

    def rate(self):
        """Return bytes a second (float) over the last seconds, None where that is not known."""
        if len(self._samples) < 2:
            return None
        (began, before), (now, after) = self._samples[0], self._samples[-1]
        return (after - before) / (now - began) if now - began >= 1 else None

    def may_grow(self):
        """Return whether uv may have large files that it has not announced yet."""
        return len(self._under_way) >= CONCURRENT or self._monotonic() - self._announced < QUIET

    # --- words ---------------------------------------------------------------------------------------------------

    def _download_text(self):
        rate = self.rate()
        speed = f"{size_text(rate)}/s" if rate else ""
        if rate == 0 and self._samples[-1][0] - self._samples[0][0] >= WINDOW * 0.9:
            speed = f"nothing received for {WINDOW:.0f} s"
        left, total = self.left(), sum(self._sizes.values())
        names = self._names()
        if not (names and total):
            so_far = f"{size_text(self._samples[-1][1])} so far" if self._samples[-1][1] else ""
            return "; ".join(part for part in (_commas(so_far, speed), names) if part)
        at_least = "at least " if self.may_grow() else ""
        amount = f"{at_least}{size_text(left)} of {size_text(total)} left"
        time_left = f"{at_least or 'about '}{duration(max(1, left / rate))}" if rate else ""
        if left < total / 100 and not at_least:
            # Where small files and what the protocols add blur the figure, none is given.
            amount, time_left = f"the last of {size_text(total)}", ""
        files = f"{len(self._sizes) - len(self._under_way)} of {len(self._sizes)} large files"
        return f"{_commas(amount, speed, time_left)}; {files}; {names}"

    def _names(self):
        """Return the largest files that are under way."""
        largest = sorted(self._under_way.items(), key=lambda item: (-item[1], item[0]))
        named = [f"{name} {size_text(size)}" if size else name for name, size in largest[:2]]
        return _and_more(named, len(largest) - len(named))

    def _build_text(self):
        if self._building:
            named = self._building[:2]
            said = _and_more(named, len(self._building) - len(named))
            return f"{said}; {self._built} built" if self._built else said
        return f"{self._built} built" if self._built else ""


def _commas(*parts):
    return ", ".join(part for part in parts if part)


def _and_more(named, others):
    return ", ".join(named) + (f" and {others} more" if others > 0 else "")


def size_text(count):
    """Return bytes as a person reads them: `1.3 GiB`, `738 MiB`, `12 KiB`."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if count >= _UNIT[unit]:
            number = count / _UNIT[unit]
            return f"{number:.1f} {unit}" if number < 10 else f"{number:.0f} {unit}"
    return f"{count:.0f} B"


def duration(seconds):
    """Return seconds as a person reads them: `41 s`, `2 min 5 s`, `1 h 3 min`."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"
