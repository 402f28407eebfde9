# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lock's text: its entries, overrides put in, what is refused, what differs between two."""

from __future__ import annotations

import difflib
import re
from urllib.parse import urlsplit

from .names import LockError, normalized
from .stack import Override

# `name==version`, with extras and a marker where uv writes them, or `name @ address`.
ENTRY = re.compile(
    r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?(?:==(?P<version>[^\s;\\]+)| @ (?P<url>[^\s;\\]+))"
)
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$")
ADDRESS = re.compile(r"(?:https?|file|git\+[a-z]+|ftp)://", re.IGNORECASE)


def blocks(text: str) -> list[list[str]]:
    """Split uv's output into entries: the line of the requirement, its hashes, its comments."""
    result: list[list[str]] = []
    for line in text.splitlines():
        if ENTRY.match(line):
            result.append([line])
        elif line.strip():
            if not result:
                raise LockError(f"uv wrote a line that is no requirement: {line!r}")
            result[-1].append(line)
    return result


def with_overrides(text: str, overrides: tuple[Override, ...]) -> str:
    """Put overrides in the place of the resolved entries; nothing is asked of any network.

    Raises:
        LockError: an override's distribution, or its version without the local part, is not in the resolution.
    """
    wanted = {o.name: o for o in overrides}
    lines: list[str] = []
    for block in blocks(text):
        match = ENTRY.match(block[0])
        override = wanted.pop(normalized(match["name"]), None)
        if override is None:
            lines += block
            continue
        if match["version"] != override.version.split("+", 1)[0]:
            raise LockError(
                f"override {override.name} {override.version}: the resolution has {match['version'] or match['url']};"
                " change the override in stack.yml or the pin in the requirements"
            )
        marker = block[0][match.end() :]
        lines.append(f"{override.name} @ {override.url}{marker}")
        lines.append(f"    --hash=sha256:{override.sha256}")
        lines += [line for line in block[1:] if not line.lstrip().startswith("--hash")]
    if wanted:
        raise LockError(
            f"override {', '.join(sorted(wanted))}: not in the resolution; ask for it in the requirements or drop it"
        )
    return "".join(f"{line}\n" for line in lines)


def check_text(text: str) -> None:
    """Refuse a lock that names an index, a user or a path, or that holds an entry without a hash.

    An entry by address (`name @ https://...`) is the one place where an address may stand.
    """
    for block in blocks(text):
        match = ENTRY.match(block[0])
        if match["url"] and (not match["url"].startswith("https://") or "@" in urlsplit(match["url"]).netloc):
            raise LockError(f"{match['name']}: only an https address without a user or password may stand in a lock")
        hashes = [line for line in block[1:] if HASH.match(line)]
        if not hashes:
            raise LockError(f"{match['name']}: the resolution has no sha256 for it, so nothing could be checked")
        for line in block[1:]:
            # What is left are uv's comments on where an entry comes from.
            if line not in hashes and (not line.startswith("    #") or ADDRESS.search(line)):
                raise LockError(f"{match['name']}: refused to write {line.strip()!r}: a lock names no index")


def changes(old: str, new: str) -> list[str]:
    """Return what differs between two locks in entries, as `-name==version` and `+name==version`."""

    def entries(text: str) -> list[str]:
        lines = text.splitlines()
        return [line.split(" \\")[0] for line in lines if ENTRY.match(line) or line.startswith("# mlinabox lock:")]

    lines = difflib.unified_diff(entries(old), entries(new), lineterm="", n=0)
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]
