"""SIGKILL, and the power, at random moments of each phase."""

from __future__ import annotations

import itertools

import files
import rig as rigs
from rig import PHASES, LeftOver, Request, Unkept

VICTIMS = ("module", "uv", "python", "all", "power")
#: A phase that no undisturbed run has shown yet is taken to last this long, in seconds.
_USUAL = 0.2


class Kills:
    """Kills until there were `wanted` of them, and `least` in each phase. `table`: {(phase, victim): count}."""

    def __init__(self, rig, random, report, disk=None):
        """disk: RealDisk on which the rig is, or None where the power cannot be cut."""
        self.rig = rig
        self.random = random
        self.report = report
        self.disk = disk
        self.table = {}
        self.lengths = {}
        self.live = "a"

    def undisturbed(self):
        """A new environment, then both ways once, to see how long phases last: with a cold cache, and with a warm one
        but something to build."""
        for which, cold in (("a", True), ("b", True), ("a", False)):
            if cold:
                self.rig.chill()
            self.rig.unbuild()
            self.rig.tools.index.well(0.6)
            run = self.rig.start(Request(which))
            result = run.end()
            if result["failed"]:
                raise Unkept(f"an undisturbed run fails: {result['msg']}")
            self.rig.judge(which)
            if result["previous"]:
                # Without one before, everything is compiled, and nothing removed.
                for phase, length in run.seen.lengths(run.took).items():
                    self.lengths[phase] = max(length, self.lengths.get(phase, 0.0))
        self.rig.tidy()
        lacking = [phase for phase in PHASES if phase not in self.lengths and phase != "switch"]
        if lacking:
            # The switch is over before this program has looked again.
            raise Unkept(f"an undisturbed run told nothing of: {', '.join(lacking)}")
        self.report.say("phases, seconds: " + ", ".join(f"{name} {found:.2f}" for name, found in self.lengths.items()))

    def carry_out(self, wanted, least):
        """Kill; at most twice as often as wanted, for a phase that is over too soon to be hit."""
        for attempt in itertools.count():
            count = {phase: sum(n for (one, _kind), n in self.table.items() if one == phase) for phase in PHASES}
            if sum(count.values()) >= wanted and min(count.values()) >= least:
                return
            if attempt > 2 * wanted + 10:
                raise Unkept(f"not each phase was hit {least} times: {count}")
            target = min(PHASES, key=lambda phase: (count[phase], self.random.random()))
            self.one(target)

    def one(self, target):
        """One kill, aimed at a phase; then the judge, an undisturbed run, and the judge again."""
        rig, random = self.rig, self.random
        old, new = self.live, {"a": "b", "b": "a"}[self.live]
        # With a warm cache there is nothing to download, and uv has linked before it says that it begins to.
        cold = target in ("download", "link") or random.random() < 0.15
        if cold:
            rig.chill()
        if target == "build":
            rig.unbuild()
        rig.tools.index.well(0.6 if target == "download" else 0.0)
        # A build goes on beside a download, which is then what is told.
        length = files.SLOW_SECONDS if target == "build" else self.lengths.get(target, _USUAL)
        moment = random.random() * length
        run = rig.start(Request(new))
        hit = run.slowly(target, random.randrange(12)) if target == "switch" else run.until(target, moment)
        phase, kinds = run.freeze() if hit else ("", {})
        if phase not in PHASES or "module" not in kinds:
            run.kill([])
            # Too late: it lasts less long than it did, the cache being warm for one.
            self.lengths[target] = 0.6 * self.lengths.get(target, _USUAL)
            self.finished(run, old, new, f"{old}->{new} missed {target}")
            return
        if phase != target:
            self.lengths[target] = 0.6 * self.lengths.get(target, _USUAL)
        kind = self.choose(phase, kinds)
        everybody = [pid for some in kinds.values() for pid in some]
        victims = everybody if kind in ("all", "power") else [random.choice(kinds[kind])]
        self.table[phase, kind] = self.table.get((phase, kind), 0) + 1
        run.kill(victims)
        where = f"{old}->{new} {phase} +{moment:.3f} s {kind}{' cold' if cold else ''}"
        if kind in ("all", "power"):
            run.end()
            rigs.everything_dead()
        if kind == "power":
            self.disk.cut()
        self.finished(run, old, new, where)

    def choose(self, phase, kinds):
        """One of the kinds that are there, those that were hit less in this phase before others."""
        possible = [kind for kind in ("module", "uv", "python") if kind in kinds] + ["all"]
        if self.disk:
            possible.append("power")
        return min(possible, key=lambda kind: (self.table.get((phase, kind), 0), self.random.random()))

    def finished(self, run, old, new, where):
        """After the fault: live is old or new and whole, at once and after the next run, which leaves nothing over."""
        rig = self.rig
        try:
            if rigs.family():
                # While survivors still work: what is live must not depend on their end.
                rig.judge(old, new)
            result = run.end()
            live = rig.judge(old, new)["which"]
            if not result["failed"] and live != new:
                raise Unkept("the run said that it ended well, but the old one is live")
            if result["failed"] and not result.get("killed") and live != old:
                raise Unkept(f"the run said that it failed, but the new one is live: {result['msg']}")
            rig.tools.index.well()
            if "missed" not in where:
                rig.complete(new)
            self.live = new
            self.report.fine(where, "it went on" if not result["failed"] else result["msg"])
        except LeftOver as problem:
            self.report.wrong(where, problem)
            rig.sweep()
            self.live = new
        except Unkept as problem:
            self.report.wrong(where, problem)
            rig.anew()
            self.live = "a"
