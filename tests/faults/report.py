"""What the fault suite says: a line for each fault, and a table at the end."""

from __future__ import annotations

import time

from kills import VICTIMS
from rig import PHASES, Broken


class Report:
    """Lines go to standard output; `finish` writes faults.md into a folder. table: {(phase, victim): kills}."""

    def __init__(self, folder, seed):
        self.folder = folder
        self.seed = seed
        self.table = {}
        self.judged = 0
        self.others = []
        self.unkept = []
        self.broken = 0
        self.started = time.monotonic()
        self.say(f"seed {seed}")

    def say(self, text):
        print(f"{time.monotonic() - self.started:6.1f} s  {text}", flush=True)

    def fine(self, name, said):
        self._count(name)
        self.say(f"ok      {name}: {said[:200]}")

    def wrong(self, name, problem):
        self._count(name)
        self.broken += isinstance(problem, Broken)
        self.unkept.append(f"{name}: {problem}")
        self.say(f"{'BROKEN' if isinstance(problem, Broken) else 'WRONG '}  {name}: {problem}")

    def _count(self, name):
        if "->" not in name and name != "the suite":
            self.others.append(name)

    def lines(self):
        """The table, as Markdown."""
        yield "| killed in | " + " | ".join(VICTIMS) + " | sum |"
        yield "|---|" + "---:|" * (len(VICTIMS) + 1)
        for phase in PHASES:
            counts = [self.table.get((phase, victim), 0) for victim in VICTIMS]
            yield f"| {phase} | " + " | ".join(str(count or "") for count in counts) + f" | {sum(counts)} |"
        sums = [sum(self.table.get((phase, victim), 0) for phase in PHASES) for victim in VICTIMS]
        yield "| sum | " + " | ".join(map(str, sums)) + f" | {sum(sums)} |"
        yield ""
        yield (
            f"{sum(sums)} kills and {len(self.others)} other faults, judged {self.judged} times: "
            f"{self.broken} broken live environments, {len(self.unkept) - self.broken} other promises not kept. "
            f"Seed {self.seed}, {time.monotonic() - self.started:.0f} s."
        )

    def finish(self):
        """Print and write the table. Returns the exit status."""
        text = "\n".join(self.lines()) + "\n"
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "faults.md").write_text(text)
        print("\n" + text)
        for line in self.unkept:
            print(f"not kept: {line}")
        return int(bool(self.unkept))
