# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a stack's locks from what a person asked for, or say whether they are what it would make.

``./box lock STACK`` runs this with the controller's Python, beside which uv is installed. STACK is a folder of
``stacks/`` by its name, or any such folder by its path: one with a ``stack.yml``, or, where only locks are wanted and
no whole stack (the notebook server), with a ``locks.yml`` of the same fields.

What decides a lock, and so what has to stay the same for it to come out the same: the requirements file, ``published``
(no file uploaded after the end of that day, UTC, is seen), the Python version, the platform and uv's own version, which
is pinned. Not the interpreter that happens to be here, nor uv's cache, nor the day. The index has to tell upload times,
as PyPI does; uv's own variables (UV_DEFAULT_INDEX, ...) name a mirror, and no address of it gets into a lock.

Beside each lock whose wheels hold GPU code lies a file that says for which GPUs (``cuda.gpu.yml`` beside
``cuda.txt``); it is read out of the wheels, of which only the parts that say it are fetched.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
import tempfile
from pathlib import Path

from locking.builds import build_proofs
from locking.gpu_data import Wheels, path_of, text_of
from locking.names import LockError, normalized
from locking.stack import Stack, Target
from locking.text import ENTRY, changes, check_text, with_overrides
from locking.uv import find_uv, resolution, source_only
from wheelhousing.errors import WheelhouseError
from wheelhousing.index import Index, index_address


def make(uv: str, target: Target, folder: Path) -> str:
    """Return the whole text of a target's lock."""
    text = resolution(uv, target, folder, "requirements.txt")
    text = with_overrides(text, target.overrides)
    check_text(text)
    if target.built_from_source is not None:
        built = source_only(resolution(uv, target, folder, "pylock.toml"))
        built = [name for name in built if name not in {o.name for o in target.overrides}]
        if built != sorted(normalized(name) for name in target.built_from_source):
            raise LockError(
                f"built_from_source of what {target.path.name} locks has to be [{', '.join(built)}];"
                f" see that the build requirements have what each needs (--build tries it)"
            )
    return f"{target.header}\n{text}"


def write(path: Path, text: str) -> None:
    """Put a text in a file's place at once, readable by all, whatever this shell's umask."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:
        file.write(text)
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)


def report_gpu(lock: Path, text: str, check: bool) -> bool:
    """Write, remove or compare the file beside a lock, as `report` does; '' is a lock that needs none."""
    path = path_of(lock)
    old = path.read_text(encoding="utf-8") if path.is_file() else ""
    if old == text:
        if text:
            print(f"{os.path.relpath(path)}: unchanged")
        return True
    if check:
        print(f"{os.path.relpath(path)}: not what ./box lock makes")
        return False
    if text:
        write(path, text)
    else:
        path.unlink()
    print(f"{os.path.relpath(path)}: {'written' if text else 'removed: no wheel of the lock holds GPU code'}")
    return True


def report(target: Target, text: str, check: bool) -> bool:
    """Write or compare one lock, print one line on it, and return whether it is (now) in the tree as it should be."""
    name = os.path.relpath(target.path)
    count = sum(1 for line in text.splitlines() if ENTRY.match(line))
    old = target.path.read_text(encoding="utf-8") if target.path.is_file() else None
    if old == text:
        print(f"{name}: unchanged, {count} distributions")
        return True
    differs = changes(old or "", text)
    detail = f"{len(differs)} entries differ" if differs else "hashes or comments differ"
    if old is None:
        detail = "it is not there"
    if check:
        print(f"{name}: not what ./box lock makes: {detail}")
    else:
        write(target.path, text)
        print(f"{name}: written, {count} distributions; before: {detail}")
    for line in differs[:20] if old is not None else ():
        print(f"  {line}")
    return not check


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(prog="./box lock", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("stack", metavar="STACK", help="a folder of stacks/ by name, or any stack folder by path")
    parser.add_argument("--environment", metavar="E", help="only this environment's locks")
    parser.add_argument("--variant", metavar="V", help="only this variant's lock")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a lock would change")
    parser.add_argument("--build", action="store_true", help="also build what has no wheel, with the build lock alone")
    parser.add_argument("--read-again", action="store_true", help="read all wheels' GPU code, also what is known")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run the command. Returns 0 when all is well, 1 when --check found a difference, 2 on an error (one line)."""
    options = arguments(argv)
    try:
        stack = Stack.load(options.stack)
        targets = stack.targets(options.environment, options.variant)
        uv = find_uv()
        # All are made before the first is written: an error leaves the tree as it was.
        made = [(target, make(uv, target, stack.folder)) for target in targets]
        wheels = Wheels(functools.lru_cache(maxsize=1)(lambda: Index(index_address("", uv))), options.read_again)
        # What only builds computes nothing.
        gpu = [(t.path, text_of(t, text, wheels)) for t, text in made if t.built_from_source is not None]
        proofs = build_proofs(uv, made) if options.build else []
        results = [report(target, text, options.check) for target, text in made]
        results += [report_gpu(path, text, options.check) for path, text in gpu]
    except (LockError, WheelhouseError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(*proofs, sep="\n", end="\n" if proofs else "")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
