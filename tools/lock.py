# Copyright (c) 2026, the ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a stack's locks from what a person asked for, or say whether they are what it would make.

``./box lock STACK`` runs this with the controller's Python, beside which uv is installed. STACK is a folder of ``stacks/``
by its name, or any folder with a ``stack.yml`` by its path.

What decides a lock, and so what has to stay the same for it to come out the same: the requirements file, ``published`` (no
file uploaded after the end of that day, UTC, is seen), the Python version, the platform and uv's own version, which is
pinned. Not the interpreter that happens to be here, nor uv's cache, nor the day. The index has to tell upload times, as
PyPI does; uv's own variables (UV_DEFAULT_INDEX, ...) name a mirror, and no address of it gets into a lock.
"""

from __future__ import annotations

import argparse
import datetime
import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

STACKS = Path(__file__).resolve().parent.parent / "stacks"
# glibc 2.28: no newer than that of any release that a stack is for (Debian 11 and Ubuntu 20.04 have 2.31).
PLATFORM = "x86_64-manylinux_2_28"

# Variables that would change what uv resolves. Those that say where (an index mirror, a CA, a proxy) are left alone.
RESOLVING_VARIABLES = (
    "UV_BUILD_CONSTRAINT",
    "UV_CONSTRAINT",
    "UV_CUSTOM_COMPILE_COMMAND",
    "UV_EXCLUDE",
    "UV_EXCLUDE_NEWER",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_FORK_STRATEGY",
    "UV_INDEX",
    "UV_NO_BINARY",
    "UV_NO_BINARY_PACKAGE",
    "UV_NO_BUILD",
    "UV_NO_BUILD_PACKAGE",
    "UV_OVERRIDE",
    "UV_PRERELEASE",
    "UV_PYTHON",
    "UV_REQUIRE_HASHES",
    "UV_RESOLUTION",
)

# `name==version`, with extras and a marker where uv writes them, or `name @ address`.
ENTRY = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?(?:==(?P<version>[^\s;\\]+)| @ (?P<url>[^\s;\\]+))")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$")
ADDRESS = re.compile(r"(?:https?|file|git\+[a-z]+|ftp)://", re.IGNORECASE)


class LockError(Exception):
    """What stops a lock from being made, as one line that names the cause and the cure."""


def normalized(name: str) -> str:
    """Return a distribution's name as indexes compare them (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def one_line(text: str) -> str:
    """Return what uv wrote to its standard error as one line, without its drawing characters and hints of progress."""
    lines = [re.sub(r"^[\s×╰├│─▶·]+", "", line).strip() for line in text.splitlines()]
    lines = [re.sub(r"^(?:error|cause): ", "", line) for line in lines]
    return " ".join(line for line in lines if line and not line.startswith(("Resolved ", "warning: ")))


# --- what a stack says -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Override:
    """A wheel that is on no index, by its address and hash; it takes the place of a resolved entry."""

    name: str
    version: str
    url: str
    sha256: str

    @classmethod
    def parse(cls, data: Any, where: str) -> Override:
        """Return the override that a mapping of stack.yml describes; LockError where it is not whole or not consistent."""
        keys = {"name", "version", "url", "sha256"}
        if not isinstance(data, dict) or set(data) != keys:
            raise LockError(f"{where}: an override has exactly the keys {', '.join(sorted(keys))}")
        override = cls(normalized(str(data["name"])), str(data["version"]), str(data["url"]), str(data["sha256"]))
        if not re.fullmatch(r"[0-9a-f]{64}", override.sha256):
            raise LockError(f"{where}: sha256 of {override.name} is not 64 hexadecimal digits")
        address = urlsplit(override.url)
        if address.scheme != "https" or not address.hostname or "@" in address.netloc:
            raise LockError(f"{where}: url of {override.name} has to be an https address without a user or password")
        parts = unquote(address.path.rsplit("/", 1)[-1]).split("-")
        if len(parts) < 5 or normalized(parts[0]) != override.name or parts[1] != override.version:
            raise LockError(f"{where}: url of {override.name} does not name a wheel of version {override.version}")
        return override


@dataclass(frozen=True)
class Target:
    """One file to make: a lock, with everything that decides what is in it."""

    path: Path
    header: str
    requirements: str
    until: str
    python: str
    universal: bool = False
    overrides: tuple[Override, ...] = ()
    # Distributions that stack.yml says are built from source; None where nobody says (the build requirements' own lock).
    built_from_source: tuple[str, ...] | None = None


@dataclass
class Stack:
    """A stack folder's stack.yml, as far as its locks are concerned."""

    folder: Path
    data: dict[str, Any]
    environments: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        """The path of stack.yml."""
        return self.folder / "stack.yml"

    @classmethod
    def load(cls, name: str) -> Stack:
        """Return the stack of a name in stacks/ or of a folder's path.

        Raises:
            LockError: there is no such stack (the message lists those there are), or its stack.yml lacks what locks need.
        """
        import yaml  # not before an error can be told: it comes with ansible-core

        candidates = [Path(name)] if os.sep in name or name in (".", "..") else [STACKS / name, Path(name)]
        folder = next((c for c in candidates if (c / "stack.yml").is_file()), None)
        if folder is None:
            known = sorted(p.parent.name for p in STACKS.glob("*/stack.yml"))
            raise LockError(f"no stack {name!r}: there is {', '.join(known)}, or give the path of a folder with a stack.yml")
        path = folder / "stack.yml"
        try:
            data = yaml.safe_load(path.read_text(encoding="utf-8"))
        except yaml.YAMLError as error:
            raise LockError(f"{path}: {' '.join(str(error).split())}") from error
        stack = cls(folder.resolve(), data if isinstance(data, dict) else {})
        for key in ("name", "published", "environments"):
            if not stack.data.get(key):
                raise LockError(f"{path}: {key} is missing")
        if not isinstance(stack.data["environments"], dict):
            raise LockError(f"{path}: environments is not a mapping of names")
        stack.environments = stack.data["environments"]
        return stack

    def until(self) -> str:
        """Return `published`, an ISO date; LockError where it is none."""
        text = str(self.data["published"])
        try:
            datetime.date.fromisoformat(text)
        except ValueError:
            raise LockError(f"{self.file}: published is {text!r}, which is not a date as 2022-10-20") from None
        return text

    def targets(self, environment: str | None = None, variant: str | None = None) -> list[Target]:
        """Return the files to make, each once, those of an environment's variants before its build requirements.

        Args:
            environment: only this one's; LockError when stack.yml has none of that name.
            variant: only this one's, and then not the build requirements; LockError when no chosen environment has it.
        """
        if environment is not None and environment not in self.environments:
            raise LockError(f"{self.file}: no environment {environment!r}: there is {', '.join(self.environments)}")
        chosen = {k: v for k, v in self.environments.items() if environment in (None, k)}
        variants = {v for e in chosen.values() for v in e.get("variants", {})}
        if variant is not None and variant not in variants:
            raise LockError(f"{self.file}: no variant {variant!r}: there is {', '.join(sorted(variants))}")
        found: dict[Path, Target] = {}
        for name, data in chosen.items():
            for target in self._targets_of(name, data, variant):
                found.setdefault(target.path, target)
        return list(found.values())

    def _targets_of(self, name: str, data: dict[str, Any], variant: str | None) -> Iterator[Target]:
        """Yield the targets of one environment."""
        where = f"{self.file}: environment {name}"
        universal = bool(data.get("universal", False))
        python = str(data.get("python") or self.data.get("python", {}).get("version") or "")
        if not re.fullmatch(r"3\.\d+", python):
            raise LockError(f"{where}: python is {python!r}, which is not a version as 3.9")
        if not data.get("requirements") or not isinstance(data.get("variants"), dict):
            raise LockError(f"{where}: it needs requirements (a file) and variants (a mapping to locks)")
        overrides = data.get("overrides") or {}
        unknown = set(overrides) - set(data["variants"])
        if unknown:
            raise LockError(f"{where}: overrides for {', '.join(sorted(unknown))}, which is none of its variants")

        def header(of: str) -> str:
            python_of = f">={python}" if universal else python
            platform = "any" if universal else "linux-x86_64"
            return (
                f"# mlinabox lock: stack={self.data['name']} environment={name} variant={of} python={python_of}"
                f" platform={platform} until={self.until()}"
            )

        sharing: dict[str, list[str]] = {}
        for key, lock in data["variants"].items():
            sharing.setdefault(str(lock), []).append(str(key))
        for lock, keys in sharing.items():
            if variant is not None and variant not in keys:
                continue
            sets = {tuple(Override.parse(o, where) for o in overrides.get(key) or ()) for key in keys}
            if len(sets) > 1:
                raise LockError(f"{where}: the variants {', '.join(keys)} share {lock}, but not their overrides")
            yield Target(
                path=self.folder / lock,
                header=header(",".join(keys)),
                requirements=str(data["requirements"]),
                until=self.until(),
                python=python,
                universal=universal,
                overrides=sets.pop(),
                built_from_source=tuple(data.get("built_from_source") or ()),
            )
        if data.get("build") and variant is None:
            if not data.get("build_requirements"):
                raise LockError(f"{where}: build names a lock, so build_requirements has to name what is in it")
            yield Target(
                path=self.folder / str(data["build"]),
                header=header("build"),
                requirements=str(data["build_requirements"]),
                until=self.until(),
                python=python,
                universal=universal,
            )


# --- resolving ---------------------------------------------------------------------------------------------------------


def find_uv() -> str:
    """Return the uv that stands beside this Python, else that on PATH; LockError where there is none."""
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which("uv")
    if not found:
        raise LockError("there is no uv beside this Python nor on PATH: run this as `./box lock`, which brings it")
    return found


def end_of_day(date: str) -> str:
    """Return the first instant after a day, in UTC: uv takes a bare date in the time zone of the machine it runs on.

    >>> end_of_day("2022-10-20")
    '2022-10-21T00:00:00Z'
    """
    return f"{datetime.date.fromisoformat(date) + datetime.timedelta(days=1)}T00:00:00Z"


def uv_compile(uv: str, target: Target, folder: Path, file_format: str) -> str:
    """Return what `uv pip compile` writes for a target, in one of its formats (`requirements.txt` or `pylock.toml`).

    It runs in the stack's folder, so that its comments name the requirements file and no path of this machine.
    """
    command = [uv, "pip", "compile", target.requirements, "--format", file_format, "--no-config", "--no-header"]
    command += ["--generate-hashes", "--no-strip-extras", "--no-emit-index-url", "--no-progress", "--color", "never"]
    command += ["--python-version", target.python, "--exclude-newer", end_of_day(target.until)]
    command += ["--universal"] if target.universal else ["--python-platform", PLATFORM]
    if target.universal:
        command += ["--no-strip-markers", "--fork-strategy", "requires-python"]
    environment = {k: v for k, v in os.environ.items() if k not in RESOLVING_VARIABLES}
    # Never an interpreter from the network for this: another Python that is here reads the sources' metadata as well.
    environment["UV_PYTHON_DOWNLOADS"] = "never"
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = one_line(done.stderr) or f"uv ended with {done.returncode}"
        raise LockError(f"{folder / target.requirements}: {reason}")
    return done.stdout


def source_only(pylock: str) -> list[str]:
    """Return the distributions of a resolution, in uv's pylock.toml form, that have no wheel for its platform."""
    import tomllib  # Python 3.11; the unit tests of the rest run on older ones

    packages = tomllib.loads(pylock).get("packages", [])
    return sorted({normalized(p["name"]) for p in packages if not p.get("wheels") and p.get("sdist")})


# --- the lock's text ---------------------------------------------------------------------------------------------------


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
                raise LockError(f"{match['name']}: refused to write {line.strip()!r}: a lock names no index and no address")


def make(uv: str, target: Target, folder: Path) -> str:
    """Return the whole text of a target's lock."""
    text = uv_compile(uv, target, folder, "requirements.txt")
    text = with_overrides(text, target.overrides)
    check_text(text)
    if target.built_from_source is not None:
        built = source_only(uv_compile(uv, target, folder, "pylock.toml"))
        built = [name for name in built if name not in {o.name for o in target.overrides}]
        if built != sorted(normalized(name) for name in target.built_from_source):
            raise LockError(
                f"{folder / 'stack.yml'}: built_from_source of what {target.path.name} locks has to be:"
                f" [{', '.join(built)}]; each is built with the build requirements, so see that these have what it needs"
            )
    return f"{target.header}\n{text}"


def write(path: Path, text: str) -> None:
    """Put a text in a file's place at once, readable by all, whatever this shell's umask."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:
        file.write(text)
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)


def changes(old: str, new: str) -> list[str]:
    """Return what differs between two locks in entries, as `-name==version` and `+name==version`."""

    def entries(text: str) -> list[str]:
        return [line.split(" \\")[0] for line in text.splitlines() if ENTRY.match(line) or line.startswith("# mlinabox")]

    lines = difflib.unified_diff(entries(old), entries(new), lineterm="", n=0)
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


# --- the command -------------------------------------------------------------------------------------------------------


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
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a lock is not what would be made")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run the command. Returns 0 when all is well, 1 when --check found a difference, 2 on an error (one line, stderr)."""
    options = arguments(argv)
    try:
        stack = Stack.load(options.stack)
        targets = stack.targets(options.environment, options.variant)
        uv = find_uv()
        # All are made before the first is written: an error leaves the tree as it was.
        made = [(target, make(uv, target, stack.folder)) for target in targets]
        results = [report(target, text, options.check) for target, text in made]
    except (LockError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
