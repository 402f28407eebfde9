"""Whole runs on test hosts: each tests/e2e/test_NAME.py a row, test_full_NAME.py in the whole matrix only."""

from __future__ import annotations

import functools
import sys
import threading

from . import machine, report

HELP = "whole boxes on test hosts, from a bare machine to a rollback; takes names of tests/e2e"

FOLDER = report.ROOT / "tests" / "e2e"

#: Files of tests share names of hosts, and the host that serves the vendors' archives.
_ONE_AT_A_TIME = threading.Lock()


def names():
    return sorted(path.stem[len("test_") :] for path in FOLDER.glob("test_*.py"))


def jobs(result, arguments, full):
    chosen = arguments or [name for name in names() if full or not name.startswith("full_")]
    return [functools.partial(_run, result, name) for name in chosen]


def _run(result, name):
    with _ONE_AT_A_TIME, result.row(f"e2e {name}") as log:
        if name not in names():
            raise report.Failed(f"no such test; there are {', '.join(names())}")
        test = FOLDER / f"test_{name}.py"
        # Which hosts it has it says in IMAGES, and which vendors' archives they need in MIRROR.
        text = test.read_text(encoding="utf-8")
        if "\nIMAGES = " in text:
            machine.need_images(log)
        if "\nMIRROR = " in text:
            machine.need_mirror(log)
        if "\nimport gpu_hosts" in text:
            machine.need_programs(log, gcc="gcc")
        log.run(sys.executable, "-m", "pytest", "--verbose", test, timeout=3600)
