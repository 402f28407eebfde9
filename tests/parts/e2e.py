"""Whole runs on test hosts: tests/e2e, each file a row. Those marked `full` run in the whole matrix only."""

from __future__ import annotations

import sys

from . import machine, report

HELP = "whole boxes on test hosts, from a bare machine to a rollback; takes names of tests/e2e"

FOLDER = report.ROOT / "tests" / "e2e"


def names():
    return sorted(path.stem[len("test_") :] for path in FOLDER.glob("test_*.py"))


def run(result, arguments, full):
    for name in arguments or names():
        with result.row(f"e2e {name}") as log:
            if name not in names():
                raise report.Failed(f"no such test; there are {', '.join(names())}")
            machine.need_images(log)
            marked = () if full else ("-m", "not full")
            log.run(sys.executable, "-m", "pytest", "-v", *marked, FOLDER / f"test_{name}.py", timeout=3600)
