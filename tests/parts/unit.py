"""pytest over tests/unit, but for those that programs.py runs: no root, no container, no network."""

from __future__ import annotations

import contextlib
import sys

from . import machine, report

HELP = "pytest over tests/unit; takes pytest's arguments"


def jobs(result, arguments, full):
    return [lambda: _run(result, arguments, full)]


def _run(result, arguments, full):
    with result.row("unit") as log:
        # It compiles the libraries of tests/gpu. Where it cannot be had, only the tests with them are skipped.
        with contextlib.suppress(report.Skip):
            machine.need_programs(log, gcc="gcc")
        command = [sys.executable, "-m", "pytest", "-n", "auto", "--durations=5"]
        if full:
            command += ["--hypothesis-profile", "many"]
        log.run(*command, *(arguments or ["-m", "not programs", "tests/unit"]), timeout=600)
