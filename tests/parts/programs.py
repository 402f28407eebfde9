"""Those of tests/unit that start whole programs and wait for them: few, and longer than many others together."""

from __future__ import annotations

import sys

HELP = "tests of tests/unit that start Ansible, pip or uv"


def jobs(result, arguments, full):
    return [lambda: _run(result)]


def _run(result):
    with result.row("programs") as log:
        log.run(sys.executable, "-m", "pytest", "-m", "programs", "--durations=5", "tests/unit", timeout=600)
