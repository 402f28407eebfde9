"""The fault suite of the module pip_lock: what is live stays whole, whatever is killed, cut or full.

    python tests/faults [--full] [--kills N] [--seed N]

Needs root, and a machine that lets it make namespaces. Wheels are fetched once (.cache/faults); after that, no network.
Writes a table to tests/output/faults.md. Exit status 0 where all that was promised held.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import files
import jail
from index import Index
from kills import Kills
from others import DISK_FULL, Others
from report import Report
from rig import PHASES, Rig, Tools, Unkept


def words():
    parser = argparse.ArgumentParser(prog="tests/faults", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--full", action="store_true", help="all faults in all phases, 64 kills")
    parser.add_argument("--kills", type=int, help="how many kills, 0 for none, by default 64 with --full and 7 without")
    parser.add_argument(
        "--seed", type=int, default=int.from_bytes(os.urandom(4), "big"), help="for the same chances again"
    )
    return parser.parse_args()


def interpreter(scratch):
    """A Python 3.9 or newer that everybody may run: the host's, or the one that this program's environment has."""
    for python in ("/usr/bin/python3", os.path.realpath(sys.executable)):
        ask = "import sys; sys.exit(sys.version_info < (3, 9))"
        plain = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", python, "-Ic", ask]
        if not subprocess.run(plain, cwd=scratch, capture_output=True, check=False).returncode:
            return python
    raise SystemExit("faults: no Python 3.9 or newer here that a plain user may run")


def own_temporary(scratch):
    """Folders for temporary files that nobody else uses: TMPDIR's, and a /var/tmp where that hides nothing needed."""
    folders = [scratch / "tmp", scratch / "var-tmp"]
    for folder in folders:
        folder.mkdir()
        folder.chmod(0o1777)
    if any(str(path).startswith("/var/tmp/") for path in (scratch, files.ROOT, Path(sys.prefix))):
        return [str(folders[0])]
    jail.mount("--bind", folders[1], "/var/tmp")
    return [str(folders[0]), "/var/tmp"]


def work(options, scratch, report):
    chance = random.Random(options.seed)
    jail.network(True)
    index = Index(files.fetch(), options.seed)
    uv = shutil.which("uv", path=os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]))
    if not uv:
        raise SystemExit("faults: no uv beside this Python, nor on PATH")
    tools = Tools(scratch, index, interpreter(scratch), uv, own_temporary(scratch))
    report.say(f"{len(tools.pins['a'])} distributions, Python {tools.python}, uv {uv}")

    disk = jail.RealDisk(scratch / "disk", scratch / "disk.img", 1500) if jail.has_real_disk(scratch) else None
    if not disk:
        report.say("no file system in a file can be mounted here: the power is not cut")
    rig = Rig((disk.place if disk else scratch) / "root", tools)
    kills = Kills(rig, chance, report, disk)
    report.table = kills.table
    kills.undisturbed()
    if options.kills != 0:
        kills.carry_out(options.kills or (64 if options.full else len(PHASES)), 5 if options.full else 1)
    others = Others(rig, chance, report, kills.live)
    others.all_but_the_disk(options.full)

    small = jail.SmallDisk(scratch / "small", 600)
    others = Others(Rig(small.place / "root", tools), chance, report, "a")
    others.rig.anew()
    for phase in DISK_FULL if options.full else [chance.choice(list(DISK_FULL))]:
        others.disk_full(small, phase)
    report.judged = tools.judged


def main():
    options = words()
    if os.getpid() != 1:
        files.fetch()
        # Made before, so that it is removed even where the run inside is killed.
        scratch = tempfile.mkdtemp(prefix="mlinabox-faults-")
        os.environ["MLINABOX_FAULTS_SCRATCH"] = scratch
        try:
            return jail.run_inside([sys.executable, *sys.argv, f"--seed={options.seed}"])
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    scratch = Path(os.environ["MLINABOX_FAULTS_SCRATCH"])
    scratch.chmod(0o755)
    report = Report(files.ROOT / "tests" / "output", options.seed)
    try:
        work(options, scratch, report)
    except (Unkept, OSError, subprocess.SubprocessError) as problem:
        # What was found until then is still told.
        report.wrong("the suite", problem)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
