# Copyright: (c) 2026, The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A box as a person on it sees it: which environments there are, which generation of each is live, what stands on them.

Reads only, but for the shared lock of live_held.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from contextlib import contextmanager
from typing import Iterator, NamedTuple

from ._generations import USE_LOCK, Environment

ROOT = "/opt/mlinabox"
_OVERLAY_LINK = re.compile(r"^(?P<generation>[^@]+)@(?P<uid>\d+)@(?P<name>[^@]+)$")


class BoxError(ValueError):
    """What is wrong, in one line, with what to do about it."""


class Overlay(NamedTuple):
    """A person's environment that stands on a generation, as it is registered beside it."""

    generation: str
    uid: int
    name: str
    directory: str


class Box:
    """The environments under one root."""

    def __init__(self, root: str = ROOT):
        self.root = root

    def environment(self, name: str) -> Environment:
        """Raises BoxError for a name that no environment can have."""
        try:
            return Environment(self.root, name)
        except ValueError as error:
            raise BoxError(str(error)) from None

    def environments(self) -> list[str]:
        """Names of the environments that have a live generation, sorted."""
        try:
            names = sorted(os.listdir(os.path.join(self.root, "envs")))
        except OSError:
            return []
        return [name for name in names if not name.startswith(".") and self.environment(name).current_id()]

    def live(self, name: str) -> str:
        """Directory of the generation that `current` names. Raises BoxError where there is none."""
        environment = self.environment(name)
        generation = environment.current_id()
        if not generation:
            known = self.environments()
            have = f"live are: {', '.join(known)}" if known else "nothing is live on this box: run the playbook site"
            raise BoxError(f"environment {name} has no live generation ({have})")
        return environment.path(generation)

    def overlays(self, name: str) -> list[Overlay]:
        """What stands on an environment's generations and is still there."""
        place = self.environment(name).overlays
        found = []
        for link in sorted(os.listdir(place)) if os.path.isdir(place) else []:
            match = _OVERLAY_LINK.match(link)
            # Read, not followed: the kernel denies following another's link in a sticky directory.
            target = os.readlink(os.path.join(place, link)) if match else ""
            # Another's home may be closed to us: then the registration is all that can be seen, and it counts.
            if match and (os.path.isfile(os.path.join(target, "pyvenv.cfg")) or not _can_look(target)):
                found.append(Overlay(match["generation"], int(match["uid"]), match["name"], target))
        return found


@contextmanager
def live_held(box: Box, name: str) -> Iterator[str]:
    """Directory of the live generation, resolved once, and held so that nothing removes it while the block runs.

    Raises BoxError where none is live, or where it cannot be held.
    """
    for _attempt in range(5):
        generation = box.live(name)
        lock = os.path.join(generation, USE_LOCK)
        try:
            descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            if os.path.isdir(generation):
                raise BoxError(f"{lock} is not there; this generation is damaged: run the playbook site") from None
            continue
        except OSError as error:
            raise BoxError(one_line(error, lock)) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            time.sleep(0.1)
            continue
        try:
            # A removal may have ended between the opening and the lock: then what we hold has no name any more.
            if not os.path.exists(lock):
                continue
            yield generation
            return
        finally:
            os.close(descriptor)
    raise BoxError(f"the live generation of {name} keeps changing; try again in a minute")


def _can_look(path: str) -> bool:
    try:
        os.stat(path)
    except PermissionError:
        return False
    except OSError:
        pass
    return True


def configuration(place: str) -> dict[str, str]:
    """pyvenv.cfg's keys, in lower case, and values. Raises BoxError where it cannot be read."""
    path = os.path.join(place, "pyvenv.cfg")
    try:
        with open(path, encoding="utf-8") as stream:
            lines = stream.read().splitlines()
    except OSError as error:
        raise BoxError(one_line(error, path)) from None
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {key.strip().lower(): value.strip() for key, _equals, value in pairs}


def python_version(place: str) -> tuple[int, int]:
    """Major and minor number of a virtual environment's interpreter. venv writes `version`, uv `version_info`."""
    values = configuration(place)
    match = re.match(r"(\d+)\.(\d+)", values.get("version_info") or values.get("version") or "")
    if not match:
        raise BoxError(f"{place}/pyvenv.cfg names no Python version")
    return int(match[1]), int(match[2])


def packages_dir(place: str) -> str:
    """A virtual environment's site-packages."""
    major, minor = python_version(place)
    return os.path.join(place, "lib", f"python{major}.{minor}", "site-packages")


def one_line(error: OSError, path: str = "") -> str:
    """An OSError as a person can use it: the path and the reason."""
    return f"{path or error.filename}: {error.strerror or error}"
