"""pytest over tests/unit: no root, no container, no network."""

from __future__ import annotations

import sys

HELP = "pytest over tests/unit; takes pytest's arguments"


def run(result, arguments, full):
    with result.row("unit") as log:
        log.run(
            sys.executable, "-m", "pytest", "-n", "auto", "--durations=5", *(arguments or ["tests/unit"]), timeout=600
        )
