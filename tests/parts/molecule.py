"""The roles' scenarios, on each of their images."""

from __future__ import annotations

import collections
import functools
import re
import sys
import threading
from pathlib import Path

from . import machine, report

HELP = "the roles' scenarios; takes their names"

SCENARIOS = report.ROOT / "molecule"

#: Molecule keeps one directory for a scenario, whatever its hosts.
_ONE_AT_A_TIME = collections.defaultdict(threading.Lock)


def names():
    return sorted(path.parent.name for path in SCENARIOS.glob("*/molecule.yml"))


def images(name):
    """The images (list of str) that a scenario is for: its own, or debian12, then those behind `# also:`."""
    text = (SCENARIOS / name / "molecule.yml").read_text(encoding="utf-8")
    first = re.search(r"MLINABOX_TEST_IMAGE:-(\w+)", text)
    also = re.search(r"^\s*# also: \[(.*)\]$", text, re.MULTILINE)
    return [first[1] if first else "debian12", *(re.split(r"[,\s]+", also[1]) if also else [])]


def jobs(result, arguments, full):
    made = []
    for name in arguments or names():
        known = name in names()
        for image in (images(name) if full else images(name)[:1]) if known else [None]:
            made.append(functools.partial(_run, result, name, image))
    return made


def _run(result, name, image):
    if not image:
        with result.row(f"molecule {name}"):
            raise report.Failed(f"no such scenario; there are {', '.join(names())}")
        return
    with _ONE_AT_A_TIME[name], result.row(f"molecule {name} on {image}") as log:
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
