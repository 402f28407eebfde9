"""Faults while pip_lock works: what is live must stay whole. A small choice of them, all in the whole matrix."""

from __future__ import annotations

import os
import sys

from . import machine, report

HELP = "kills, full disks, cut networks while pip_lock works; takes --kills N and --seed N"

FOLDER = report.ROOT / "tests" / "faults"


def jobs(result, arguments, full):
    return [lambda: _run(result, arguments, full)]


def _run(result, arguments, full):
    with result.row("faults") as log:
        if os.geteuid():
            raise report.Skip("needs root: the environments are root's")
        machine.need_programs(log, **{"unshare": "util-linux", "mount": "mount", "mkfs.ext4": "e2fsprogs"})
        log.run(sys.executable, FOLDER, *(["--full"] if full else []), *arguments, timeout=3600 if full else 900)
