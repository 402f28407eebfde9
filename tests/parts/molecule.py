"""The roles' scenarios, one after another: molecule keeps one directory for a scenario, whatever its hosts."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from . import machine, report

HELP = "the roles' scenarios; takes their names"

SCENARIOS = report.ROOT / "molecule"


def names():
    return sorted(path.parent.name for path in SCENARIOS.glob("*/molecule.yml"))


def images(name):
    """The images (list of str) that a scenario is for: its own, or debian12, then those behind `# also:`."""
    text = (SCENARIOS / name / "molecule.yml").read_text(encoding="utf-8")
    first = re.search(r"MLINABOX_TEST_IMAGE:-(\w+)", text)
    also = re.search(r"^\s*# also: \[(.*)\]$", text, re.MULTILINE)
    return [first[1] if first else "debian12", *(re.split(r"[,\s]+", also[1]) if also else [])]


def run(result, arguments, full):
    for name in arguments or names():
        if name not in names():
            with result.row(f"molecule {name}"):
                raise report.Failed(f"no such scenario; there are {', '.join(names())}")
            continue
        for image in images(name) if full else images(name)[:1]:
            with result.row(f"molecule {name} on {image}") as log:
                _test(log, name, image)


def _test(log, name, image):
    machine.need_images(log, image)
    if ".cache/mirror" in (SCENARIOS / name / "molecule.yml").read_text(encoding="utf-8"):
        machine.need_mirror(log)
    molecule = Path(sys.executable).with_name("molecule")
    env = {"MLINABOX_TEST_IMAGE": image, **report.KEPT_BYTECODE}
    try:
        log.run(molecule, "test", "--scenario-name", name, env=env, timeout=2400)
    except report.Failed:
        # What a killed run left; after any other failure molecule has done this itself.
        log.run(molecule, "destroy", "--scenario-name", name, env=env, timeout=300)
        raise
