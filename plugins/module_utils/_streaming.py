# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A program is run and its standard error listened to, line by line, while it works."""

from __future__ import annotations

import os
import selectors
import subprocess
import time

#: Bytes of each stream that are kept: from a program that says more, the beginning and the end.
KEPT = 1 << 20
#: Bytes after which a line without an end counts as one.
LONGEST_LINE = 1 << 16
#: Seconds between two ticks.
EVERY = 1.0


def run_listening(command, environ=None, pass_fds=(), listen=None):
    """Run a command to its end. Returns (exit status, standard output, standard error), bytes.

    listen: called with the process's id, returns an object with `line(text)` for each line of standard error (str,
    without its end), which returns whether to leave it out of what is returned, and `tick()`, called about once a
    second, which keeps no line waiting. None: nobody listens. Raises OSError where the program cannot be started.

    Both streams are read as they come, so that neither fills up; little is kept of a program that talks without end.
    """
    with subprocess.Popen(
        command,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=pass_fds,
    ) as process:
        try:
            listener = listen(process.pid) if listen else None
            out, err = _Kept(), _Kept()
            lines = _Lines(listener.line, err) if listener else err
            _read(process, out, lines, listener.tick if listener else None)
            if listener:
                lines.end()
        except BaseException:
            process.kill()
            raise
        return process.wait(), out.value(), err.value()


def _read(process, out, err, tick):
    """Feed `out` and `err` until the process has closed both streams, or has ended and nothing more comes."""
    due = time.monotonic() + EVERY
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ, out)
        selector.register(process.stderr, selectors.EVENT_READ, err)
        while selector.get_map():
            # A server that it left running may hold the streams open for as long as it lives.
            ended = process.poll() is not None
            ready = selector.select(max(0.0, due - time.monotonic()))
            if ended and not ready:
                return
            for key, _events in ready:
                data = os.read(key.fd, 1 << 16)
                if data:
                    key.data.feed(data)
                else:
                    selector.unregister(key.fileobj)
            if time.monotonic() >= due:
                if tick:
                    tick()
                due = time.monotonic() + EVERY


class _Kept:
    """Bytes, of which at most KEPT stay: half from the beginning, half from the end."""

    def __init__(self):
        self._head, self._tail, self._cut = bytearray(), bytearray(), False

    def feed(self, data):
        room = KEPT // 2 - len(self._head)
        self._head += data[:room] if room > 0 else b""
        self._tail += data[room:] if room > 0 else data
        if len(self._tail) > KEPT:
            del self._tail[: -KEPT // 2]
            self._cut = True

    def value(self):
        if len(self._tail) > KEPT // 2:
            del self._tail[: -KEPT // 2]
            self._cut = True
        return bytes(self._head) + (b"\n[...]\n" if self._cut else b"") + bytes(self._tail)


class _Lines:
    """Cuts bytes into lines, shows each to `line`, and keeps those that are not left out."""

    def __init__(self, line, kept):
        self._line, self._kept, self._rest = line, kept, b""

    def feed(self, data):
        *whole, self._rest = (self._rest + data).split(b"\n")
        for one in whole:
            self._take(one)
        if len(self._rest) > LONGEST_LINE:
            self.end()

    def end(self):
        rest, self._rest = self._rest, b""
        if rest:
            self._take(rest)

    def _take(self, one):
        if not self._line(one.decode("utf-8", "replace").rstrip("\r")):
            self._kept.feed(one + b"\n")
