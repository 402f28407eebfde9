# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a directory with all files that a stack's locks need, for hosts without a network, or complete and verify it.

``./box wheelhouse STACK --variant VARIANT`` runs this with the controller's Python, beside which uv is installed. One
wheelhouse serves a whole ``./box site``: each environment of the stack, what its source distributions are built with,
the notebook server's environment, and, in its folder ``controller``, what ./box itself needs where there is no network.

Of each distribution it holds the one wheel that fits the lock's Python and platform best, or the source archive where
none fits. The lock's hashes decide; no code of a distribution is run. Files come from --index, else UV_DEFAULT_INDEX or
PIP_INDEX_URL, else the index that uv asks; those that a lock has by address come from there.
"""

from __future__ import annotations

import argparse
import netrc
import sys
import time
from pathlib import Path
from typing import Any

from locking.names import LockError
from locking.uv import find_uv
from wheelhousing.collection import ROOT, shown
from wheelhousing.errors import WheelhouseError
from wheelhousing.fetch import fetch_all, mib, require_space
from wheelhousing.folder import Folder
from wheelhousing.index import Index, index_address
from wheelhousing.locks import Need, stack_needs
from wheelhousing.plan import Wanted, resolve, unmet, with_sizes


def say(line: str) -> None:
    """Print a line at once, also where nobody looks at a terminal."""
    print(line, flush=True)


def described(wanted: list[Wanted]) -> dict[str, dict[str, Any]]:
    """Return the files as wheelhouse.json has them; `sha256` is '' where only the file itself will tell."""
    return {
        one.path: {
            "sha256": one.file.sha256,
            "size": one.file.size,
            "distribution": one.distribution,
            "version": one.version,
            "hashes": sorted(one.hashes),
        }
        for one in wanted
    }


def same_locks(one: Any, other: list[dict[str, Any]]) -> bool:
    """Return whether two lists of locks come to the same files, wherever their checkouts lie."""

    def without_path(locks: Any) -> list[dict[str, Any]]:
        return [{key: value for key, value in lock.items() if key != "lock"} for lock in locks or []]

    return without_path(one) == without_path(other)


def look(folder: Folder, files: dict[str, dict[str, Any]]) -> tuple[dict[str, str], list[str], list[str]]:
    """Return (what of the files is damaged and how, what lacks, what no lock needs); what is whole gets its digest."""
    allowed = {path: tuple(value.partition(":")[2] for value in one["hashes"]) for path, one in files.items()}
    damaged = folder.damage(allowed, {path: one["size"] for path, one in files.items()})
    for path, digest in folder.digests.items():
        files[path].update(sha256=digest, size=(folder.path / path).stat().st_size)
    there = folder.files()
    return damaged, sorted(set(files) - there), sorted(there - set(files))


def check(folder: Folder, needs: list[Need]) -> int:
    """Verify what is there and change nothing. Returns 0 where all is there and whole, else 1."""
    manifest = folder.manifest()
    if not manifest:
        raise WheelhouseError(f"{folder.path}: is no wheelhouse; make it: the same command without --check")
    problems = []
    if not same_locks(manifest.get("locks"), [need.described() for need in needs]):
        problems.append("the locks are others than it was made for")
    files = manifest["files"]
    if not manifest.get("complete"):
        problems.append("the run that made it did not come to its end")
    damaged, lacking, foreign = look(folder, files)
    problems += [f"{path}: {what}" for path, what in sorted(damaged.items())] + [f"{path}: lacks" for path in lacking]
    problems += [f"{what}: wheelhouse.json has no file of it" for what in unmet(needs, files)]
    for line in [*problems, *(f"{path}: no lock needs it" for path in foreign)]:
        say(line)
    if problems:
        say(f"{folder.path}: not whole ({len(problems)}); the same command without --check mends it")
        return 1
    say(f"{folder.path}: {len(files)} files, {_size_of(files)}, all verified by hash")
    return 0


def make(folder: Folder, needs: list[Need], uv: str, options: argparse.Namespace) -> int:
    """Make the directory what the locks need, fetching only what lacks. Returns 0."""
    started = time.monotonic()
    folder.remove_partial()
    before = folder.manifest()
    locks = [need.described() for need in needs]
    files = before["files"] if same_locks(before.get("locks"), locks) else None
    wanted: list[Wanted] = []
    index = None
    damaged, lacking, foreign = look(folder, files or {})
    if files is None or damaged or lacking or unmet(needs, files):
        # What is whole needs no index: a second run works without a network.
        index = Index(index_address(options.index, uv))
        wanted = resolve(needs, index)
        files = described(wanted)
        damaged, lacking, foreign = look(folder, files)
    for path, what in sorted(damaged.items()):
        say(f"{path}: {what}; fetched anew")
    old = sorted(set(foreign) & set(before.get("files", {})))
    fetch = [one for one in wanted if one.path in damaged or one.path in lacking]
    if fetch:
        fetch = with_sizes(fetch, index)
        files.update(described(fetch))
        require_space(folder.path, fetch)
        folder.write_manifest(_manifest(options, locks, files, complete=False))
        say(f"fetching {len(fetch)} files, {mib(sum(one.file.size or 0 for one in fetch))}, from {index.address}")
        for path, digest in fetch_all(folder.path, fetch, index, say).items():
            files[path].update(sha256=digest, size=(folder.path / path).stat().st_size)
    folder.write_manifest(_manifest(options, locks, files, complete=True))
    # Last, so that what was needed until now is there as long as what takes its place is not.
    folder.remove(old)
    for path in foreign:
        said = "removed" if path in old else "left alone, it is not of this wheelhouse"
        say(f"{path}: no lock needs it; {said}")
    say(
        f"{folder.path}: {len(files)} files, {_size_of(files)}, for {len(needs)} locks: {len(fetch)} fetched, "
        f"{len(files) - len(fetch)} were there; all verified by hash, in {time.monotonic() - started:.0f} s"
    )
    return 0


def _manifest(options: argparse.Namespace, locks: list[Any], files: dict[str, Any], complete: bool) -> dict[str, Any]:
    return {
        "format": 1,
        "stack": options.stack,
        "variant": options.variant,
        "complete": complete,
        "locks": locks,
        "files": files,
    }


def _size_of(files: dict[str, dict[str, Any]]) -> str:
    return mib(sum(one["size"] or 0 for one in files.values()))


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(prog="./box wheelhouse", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("stack", metavar="STACK", help="a folder of stacks/ by name, or any stack folder by path")
    parser.add_argument("--variant", metavar="V", help="the stack's variant, such as cpu")
    parser.add_argument(
        "--to", metavar="DIR", type=Path, help="the directory; by default wheelhouse/STACK-VARIANT here"
    )
    parser.add_argument("--check", action="store_true", help="only verify what is there; exit 1 where it is not whole")
    parser.add_argument("--index", metavar="ADDRESS", default="", help="the package index (its page `simple`)")
    parser.add_argument(
        "--python",
        metavar="X.Y",
        action="append",
        default=[],
        help="a Python of the hosts, for the notebook server; may be given again; by default the known releases'",
    )
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run the command. Returns 0 when all is well, 1 when --check found something, 2 on an error, 130 when stopped."""
    options = arguments(argv)
    try:
        needs = stack_needs(options.stack, options.variant, options.python)
        name = "-".join(filter(None, [Path(options.stack).resolve().name, options.variant]))
        folder = Folder((options.to or ROOT / "wheelhouse" / name).absolute())
        if options.check:
            return check(folder, needs)
        with folder.locked():
            return make(folder, needs, find_uv(), options)
    except (WheelhouseError, LockError, OSError, netrc.NetrcParseError) as error:
        print(f"error: {shown(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; what is whole stays, and the same command goes on from there", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
