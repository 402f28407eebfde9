"""The other faults: a full disk, a network that fails, an index that does, the connection lost, two runs at once."""

from __future__ import annotations

import contextlib
import os
import signal
import time

import jail
from index import FAULTS
from rig import LeftOver, Request, Run, Unkept

#: When the disk is filled, and what is written then.
DISK_FULL = {"download": "download", "link": "link", "compile": "compile", "proof": "state"}

#: Seconds that uv waits where the index holds back on purpose: longer than the slowest machine starts a second run.
HELD_BACK = 60


class Others:
    """live: the lock that is live in the rig. Each fault ends with a judged environment and a run that completes."""

    def __init__(self, rig, random, report, live):
        self.rig = rig
        self.random = random
        self.report = report
        self.live = live

    @contextlib.contextmanager
    def fault(self, name):
        """What is raised within is reported. Afterwards the next run completes, whatever happened."""
        old, new = self.live, {"a": "b", "b": "a"}[self.live]
        said = []
        try:
            yield new, said.append
            self.rig.judge(old, new)
            self.rig.tools.index.well()
            self.rig.complete(new)
            self.live = new
            self.report.fine(name, said[-1] if said else "")
        except LeftOver as problem:
            self.report.wrong(name, problem)
            self.rig.sweep()
            self.live = new
        except Unkept as problem:
            self.report.wrong(name, problem)
            self.rig.anew()
            self.live = "a"

    def must_fail(self, run, *words):
        """The run fails with one line that has one of the words in it, and the old one is live. Returns the line."""
        result = run.end()
        if not result["failed"] or result.get("killed"):
            raise Unkept(f"it does not fail: {result}")
        if not any(word in result["msg"] for word in words):
            raise Unkept(f"its message says nothing of {' or '.join(words)}: {result['msg']}")
        if self.rig.judge(self.live)["which"] != self.live:
            raise Unkept("the new one is live after a run that failed")
        return result["msg"]

    # --- the disk -------------------------------------------------------------------------------------------------

    def disk_full(self, disk, phase):
        """The disk is full from a random moment of a phase on. `disk`: SmallDisk on which the rig is."""
        with self.fault(f"disk full, {DISK_FULL[phase]}") as (new, said):
            if phase in ("download", "link"):
                self.rig.chill()
                self.rig.tools.index.well(0.5)
            run = self.rig.start(Request(new))
            try:
                run.until(phase, self.random.random() * 0.1 if phase != "proof" else 0.0)
                disk.fill(self.random.randrange(0, 65536) if phase != "proof" else 0)
                said(self.must_fail(run, "disk is full"))
            finally:
                disk.empty()

    # --- the network and the index --------------------------------------------------------------------------------

    def network_cut(self):
        """From a random moment of the download on nothing comes any more."""
        with self.fault("network cut") as (new, said):
            self.rig.chill()
            self.rig.tools.index.well(1.0)
            run = self.rig.start(Request(new))
            try:
                run.until("download", 0.1 + self.random.random() * 0.5)
                jail.network(False)
                said(self.must_fail(run, "cannot download"))
            finally:
                jail.network(True)

    def index_fault(self, kind):
        """The index serves a random file badly. kind: one of FAULTS."""
        with self.fault(f"index: {kind}") as (new, said):
            self.rig.chill()
            index = self.rig.tools.index
            index.well()
            wanted = self.rig.tools.allowed[new]["packages"]
            names = sorted(
                one["filename"]
                for project, found in index.projects.items()
                for one in found
                if project in wanted and one["filename"].split("-")[1] == wanted[project] and ".whl" in one["filename"]
            )
            name = self.random.choice(names)
            index.faults = {name: kind}
            words = {"wrong": ["another hash"], "corrupt": ["another hash", "Failed to extract"]}
            line = self.must_fail(self.rig.start(Request(new)), *words.get(kind, ["cannot download"]))
            project = name.split("-")[0].lower().replace("_", "-").replace(".", "-")
            if project not in line.lower():
                raise Unkept(f"its message does not name {project}: {line}")
            said(line)

    # --- the connection -------------------------------------------------------------------------------------------

    def connection_lost(self, phase, hangup):
        """As when sshd ends: the pipes close and, with `hangup`, SIGHUP goes to the module's process group."""
        how = "pipes closed and SIGHUP" if hangup else "pipes closed"
        with self.fault(f"connection lost ({how}), {phase}") as (new, said):
            self.rig.tools.index.well()
            if phase in ("download", "link"):
                self.rig.chill()
                self.rig.tools.index.well(0.6)
            run = self.rig.start(Request(new), pipes=True)
            run.until(phase, self.random.random() * 0.1)
            for stream in (run.process.stdout, run.process.stderr):
                stream.close()
            if hangup:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(run.pid, signal.SIGHUP)
            run._wait(150)
            live = self.rig.judge()["which"]
            if not hangup and live != new:
                raise Unkept("without its pipes it did not go on to the end")
            said(f"the module ended with {run.process.returncode}, live is {'the new' if live == new else 'the old'}")

    # --- two at once ----------------------------------------------------------------------------------------------

    def two_at_once(self):
        """The second waits, and then finds nothing to do."""
        with self.fault("two at once, the second waits") as (new, said):
            self.rig.chill()
            self.rig.tools.index.well(0.6)
            first = self.rig.start(Request(new))
            first.until("download", self.random.random() * 0.3)
            second = self.rig.start(Request(new))
            results = [first.end(), second.end()]
            for number, result in enumerate(results, 1):
                if result["failed"]:
                    raise Unkept(f"run {number} fails: {result['msg']}")
            if not results[0]["changed"] or results[1]["changed"]:
                raise Unkept(f"changed is {[result['changed'] for result in results]}, not [True, False]")
            said("the second changed nothing")

    def lock_timeout(self):
        """The second gives up, and names who holds the lock."""
        with self.fault("two at once, the second gives up") as (new, said):
            self.rig.chill()
            index = self.rig.tools.index
            index.well()
            index.gate.clear()
            first = self.rig.start(Request(new, patience=HELD_BACK))
            first.until("download", 0.1)
            try:
                line = self.must_fail(self.rig.start(Request(new, lock_timeout=1)), f"process {first.pid}")
            finally:
                index.gate.set()
            if first.end()["failed"]:
                raise Unkept(f"the first fails: {first.result['msg']}")
            said(line)

    def survivor_holds(self):
        """The module is killed, its uv goes on: the lock is not free, and the message says why."""
        with self.fault("the module killed, uv holds the lock") as (new, said):
            self.rig.chill()
            index = self.rig.tools.index
            index.well()
            index.gate.clear()
            first = self.rig.start(Request(new, patience=HELD_BACK))
            try:
                first.until("download")
                # Not before: uv is started for other things as well, and has soon done them.
                if not index.held.wait(HELD_BACK):
                    raise Unkept("nothing is downloaded")
                _phase, kinds = first.freeze()
                Run.kill(kinds.get("module", []))
                first.end()
                if "uv" not in kinds:
                    raise Unkept("no uv runs while the index holds back what it is to download")
                line = self.must_fail(self.rig.start(Request(new, lock_timeout=1)), f"process {first.pid} (ended)")
                second = self.rig.start(Request(new))
                time.sleep(0.5)
            finally:
                index.gate.set()
            if second.end()["failed"]:
                raise Unkept(f"the next run fails: {second.result['msg']}")
            said(line)

    def all_but_the_disk(self, full):
        """Once each; in `full`, the connection lost in each phase."""
        self.network_cut()
        for kind in FAULTS if full else self.random.sample(FAULTS, 2):
            self.index_fault(kind)
        phases = ("download", "build", "link", "compile", "proof", "switch", "removal")
        for phase in phases if full else [self.random.choice(phases)]:
            if phase == "build":
                self.rig.unbuild()
            self.connection_lost(phase, hangup=True)
        self.connection_lost("compile", hangup=False)
        self.two_at_once()
        self.lock_timeout()
        self.survivor_holds()
