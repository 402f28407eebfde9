# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a run is, for whoever looks: <root>/envs/<name>/progress.json, there as long as the run is.

{"pid": 4711, "started": 1790000000.0, "phase": "download", "since": 1790000003.5, "text": "...", "done": 3, "total": 9}

`started` and `since` (of the phase) are seconds of Unix time. `done` of `total` is in the phase's own unit, bytes for a
download and pieces elsewhere; `total` is 0 where nobody knows. `text` is for people.
"""

from __future__ import annotations

import contextlib
import json
import os
import time

FILE = "progress.json"
#: In the order in which a run goes through them; it may leave any out.
PHASES = ("download", "build", "link", "compile", "proof", "switch", "removal")


class Progress:
    """Writes the file. What is told more often than every `every` seconds is left out, a new phase never.

    Nothing here raises: a run does not fail because it could not say how far it is (a full disk, for one).
    """

    def __init__(self, path=None, every=0.5, monotonic=time.monotonic, clock=time.time):
        """path: the file (its directory is there), or None for a progress that nobody looks at."""
        self.path = path
        self.every = every
        self._monotonic, self._clock = monotonic, clock
        self._started = clock()
        self._since = self._started
        self._phase, self._text, self._done, self._total = "", "", 0, 0
        self._written = None
        self._dirty = False

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.close()

    def phase(self, name, total=0, text=""):
        """Begin a phase, one of PHASES; total: what there is to do, 0 where unknown. Told again, it goes on."""
        if name not in PHASES:
            raise ValueError(f"a phase is one of {', '.join(PHASES)}, not {name!r}")
        if name != self._phase:
            self._since = self._clock()
        self._phase, self._text, self._done, self._total = name, text, 0, total
        self._write()

    def note(self, text):
        """Say what is being done now, in a few words."""
        self._dirty |= text != self._text
        self._text = text
        self._write_sometimes()

    def advance(self, done, total=None):
        """Say how much is done, and where that has only now become known, of how much."""
        self._dirty |= done != self._done or total not in (None, self._total)
        self._done = done
        if total is not None:
            self._total = total
        self._write_sometimes()

    def close(self):
        """Remove the file: the run is over."""
        if self.path is None:
            return
        for path in (self.path, self._temporary):
            with contextlib.suppress(OSError):
                os.unlink(path)

    @property
    def _temporary(self):
        return f"{self.path}.new"

    def _write_sometimes(self):
        if self._dirty and (self._written is None or self._monotonic() - self._written >= self.every):
            self._write()

    def _write(self):
        if self.path is None:
            return
        self._written, self._dirty = self._monotonic(), False
        said = {
            "pid": os.getpid(),
            "started": self._started,
            "phase": self._phase,
            "since": self._since,
            "text": self._text,
            "done": self._done,
            "total": self._total,
        }
        try:
            # Renamed, so that nobody reads half of it. Not brought to disk: after a crash there is no run to tell of.
            with open(self._temporary, "w", encoding="utf-8") as stream:
                json.dump(said, stream)
            os.rename(self._temporary, self.path)
        except OSError:
            pass


def read_progress(path):
    """Return what the file says, {} where there is none or where the process that wrote it is gone."""
    try:
        with open(path, encoding="utf-8") as stream:
            found = json.load(stream)
        if isinstance(found, dict) and os.path.isdir(f"/proc/{int(found['pid'])}"):
            return found
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return {}
