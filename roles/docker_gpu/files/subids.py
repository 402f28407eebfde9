"""Gives people ranges of subordinate ids where they have none, and says as JSON which. Arguments: names, and --check to
only say it. A range is 65536 ids long, behind all that are there (subuid(5)); user and group ids get the same.
"""

import json
import subprocess
import sys

FILES = {"/etc/subuid": "--add-subuids", "/etc/subgid": "--add-subgids"}
SIZE = 65536
FIRST = 100000


def ranges(path):
    """(name, first, how many) of each line."""
    try:
        with open(path) as stream:
            rows = [line.strip().split(":") for line in stream]
    except FileNotFoundError:
        return []
    well = [row for row in rows if len(row) == 3 and row[1].isdigit() and row[2].isdigit()]
    return [(row[0], int(row[1]), int(row[2])) for row in well]


def main(names, only_say):
    given = {}
    for name in names:
        there = {path: ranges(path) for path in FILES}
        lacking = [option for path, option in FILES.items() if all(row[0] != name for row in there[path])]
        if not lacking:
            continue
        taken = [first + count for rows in there.values() for _name, first, count in rows]
        taken += [first + SIZE for first in given.values()]
        first = max([FIRST, *taken])
        given[name] = first
        if not only_say:
            words = [word for option in lacking for word in (option, f"{first}-{first + SIZE - 1}")]
            subprocess.run(["usermod", *words, name], check=True)
    return given


if __name__ == "__main__":
    arguments = [word for word in sys.argv[1:] if word != "--check"]
    print(json.dumps(main(arguments, "--check" in sys.argv)))
