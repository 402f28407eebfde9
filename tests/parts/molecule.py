"""The roles' scenarios, one after another: molecule's workers share one working directory."""

from __future__ import annotations

import sys
from pathlib import Path

from . import machine, report

HELP = "the roles' scenarios; takes their names"

SCENARIOS = report.ROOT / "molecule"


def names():
    return sorted(path.parent.name for path in SCENARIOS.glob("*/molecule.yml"))


def run(result, arguments, full):
    for name in arguments or names():
        with result.row(f"molecule {name}") as log:
            if name not in names():
                raise report.Failed(f"no such scenario; there are {', '.join(names())}")
            machine.need_images(log)
            molecule = Path(sys.executable).with_name("molecule")
            try:
                log.run(molecule, "test", "--scenario-name", name, timeout=2400)
            except report.Failed:
                # What a killed run left; after any other failure molecule has done this itself.
                log.run(molecule, "destroy", "--scenario-name", name, timeout=300)
                raise
