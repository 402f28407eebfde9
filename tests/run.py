"""`./box test`: runs the parts of the tests, cheap ones first, goes on after a failure, and prints a table at the end.

    ./box test                      all that CI runs
    ./box test full                 the whole matrix
    ./box test unit lint            parts
    ./box test molecule python39    what follows a part and is none itself are the part's own arguments

Exit status 0 when nothing failed, and under CI=true nothing was skipped; 2 for a word that is no part.
"""

from __future__ import annotations

import collections
import os
import sys
import threading

from parts import collection, e2e, faults, lint, molecule, programs, report, sanity, unit

#: In the order in which they run, the cheap ones first.
PARTS = {
    "lint": lint,
    "unit": unit,
    "sanity": sanity,
    "programs": programs,
    "faults": faults,
    "collection": collection,
    "molecule": molecule,
    "e2e": e2e,
}

#: They have the machine for themselves, and come first. The others run two at a time.
ALONE = ("lint", "unit")


def usage():
    lines = [f"  {name:12}{part.HELP}" for name, part in PARTS.items()]
    return "\n".join([__doc__.strip(), "", "Parts:", *lines, ""])


def chosen(words):
    """What to run: (list of (name of a part, its arguments)), whether the whole matrix). ValueError: no such part."""
    full = "full" in words
    parts = []
    for word in words:
        if word in PARTS:
            parts.append((word, []))
        elif word == "full":
            continue
        elif parts:
            parts[-1][1].append(word)
        else:
            raise ValueError(f"no part '{word}'; I know: {' '.join(PARTS)} full help")
    return parts or [(name, []) for name in PARTS], full


def main(words):
    if words[:1] in (["help"], ["--help"], ["-h"]):
        print(usage())
        return 0
    try:
        parts, full = chosen(words)
    except ValueError as problem:
        print(f"box: test: {problem}", file=sys.stderr)
        return 2
    result = report.Report()
    strict = os.environ.get("CI", "") not in ("", "false", "0")
    try:
        run_parts(result, parts, full)
    except KeyboardInterrupt:
        result.stop()
        result.finish(strict)
        return 130
    return result.finish(strict)


def run_parts(result, parts, full):
    """Runs parts [(name, arguments)]: first those of ALONE. Of the jobs of all others one thread always takes the first
    and another the last, so that roles' scenarios run beside whole boxes, and both end at about the same time.
    """
    rest = collections.deque()
    for name, arguments in parts:
        jobs = PARTS[name].jobs(result, arguments, full)
        if name in ALONE:
            for job in jobs:
                job()
        else:
            rest.extend(jobs)

    def work(take):
        while True:
            try:
                job = take()
            except IndexError:
                return
            job()

    # Daemons, so that an interrupted run does not wait for what its rows wait for.
    threads = [threading.Thread(target=work, args=[take], daemon=True) for take in (rest.popleft, rest.pop)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
