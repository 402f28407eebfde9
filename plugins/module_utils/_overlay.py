# Copyright: (c) 2026, The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A person's own environment over a generation: made, listed, moved to a newer base, removed.

    ~/.local/share/mlbox/envs/<name>/          a virtual environment
    ~/.local/share/mlbox/envs/<name>/base      a symbolic link to the generation under it
    ~/.local/share/jupyter/kernels/mlbox-<name>/kernel.json
    <root>/envs/<base>/overlays/<generation>@<uid>@<name>   keeps the generation from being removed

Everything is made beside its place and renamed into it, so that a command cut short leaves nothing half-made.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import stat
from contextlib import contextmanager
from typing import Iterator, NamedTuple

from . import _overlay_files as files
from ._box import Box, BoxError, configuration, live_held, one_line, packages_dir, python_version
from ._dists import installed_versions

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SHEBANG = re.compile(rb"^#!(.{1,400}/bin/python[\d.]*|/bin/sh)\s*\n")


class Known(NamedTuple):
    """An overlay as `mlbox env list` shows it. `live` is '' where its base has no live generation."""

    name: str
    base: str
    generation: str
    live: str
    there: bool

    @property
    def moved(self) -> bool:
        return bool(self.live) and self.live != self.generation


class Home:
    """One person's overlays."""

    def __init__(self, box: Box, home: str, uid: int):
        self.box = box
        self.uid = uid
        self.home = home
        self.envs = os.path.join(home, ".local", "share", "mlbox", "envs")
        self.kernels = os.path.join(home, ".local", "share", "jupyter", "kernels")

    def path(self, name: str) -> str:
        """Directory of an overlay that is there. Raises BoxError otherwise."""
        _check_name(name)
        place = os.path.join(self.envs, name)
        if not os.path.isfile(os.path.join(place, "pyvenv.cfg")):
            names = self.names()
            have = f"there are: {', '.join(names)}" if names else f"none yet: mlbox env create {name}"
            raise BoxError(f"no environment {name} ({have})")
        return place

    def names(self) -> list[str]:
        """All overlays, sorted."""
        try:
            names = os.listdir(self.envs)
        except OSError:
            return []
        return sorted(
            name
            for name in names
            if os.path.isfile(os.path.join(self.envs, name, "pyvenv.cfg")) and not name.startswith(".")
        )

    def every(self) -> list[Known]:
        return [self.known(name) for name in self.names()]

    def known(self, name: str) -> Known:
        """What an overlay stands on. Raises BoxError where there is no such overlay."""
        generation = _base(self.path(name))
        base = os.path.basename(os.path.dirname(generation))
        return Known(
            name, base, os.path.basename(generation), self.box.environment(base).current_id(), os.path.isdir(generation)
        )

    def create(self, name: str, base: str = "stack") -> str:
        """Make an overlay over the live generation of `base`; returns its directory. Raises BoxError."""
        _check_name(name)
        with self._locked(make=True):
            for other in self.names():
                # Jupyter takes kernels' names without regard to case.
                if other.lower() == name.lower():
                    raise BoxError(f"environment {other} exists already: {os.path.join(self.envs, other)}")
            place = os.path.join(self.envs, name)
            if os.path.lexists(place):
                raise BoxError(f"{place} is in the way and is no environment: move it aside first")
            with live_held(self.box, base) as generation:
                self._create(place, name, generation)
            return place

    def _create(self, place: str, name: str, generation: str) -> None:
        draft = os.path.join(self.envs, f".new-{name}")
        kernel_was = os.path.lexists(self._kernel(name))
        link = self._register(generation, name, place)
        try:
            _write_tree(draft, place, generation)
            self._write_kernel(name, place, generation)
            os.rename(draft, place)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            if not kernel_was:
                shutil.rmtree(self._kernel(name), ignore_errors=True)
            _unlink(link)
            raise

    def remove(self, name: str) -> None:
        """Remove an overlay, its kernel and its hold on the base. Raises BoxError."""
        with self._locked():
            place = self.path(name)
            generation = _base(place)
            doomed = os.path.join(self.envs, f".gone-{name}")
            os.rename(place, doomed)
            shutil.rmtree(self._kernel(name), ignore_errors=True)
            _unlink(self._link(generation, name))
            shutil.rmtree(doomed)

    def rebase(self, name: str) -> tuple[str, str, list[tuple[str, str, str]]]:
        """Move an overlay to its base's live generation.

        Returns the generation before, the one now, and what in the overlay hides a package of the base:
        (name, version in the overlay, version in the base). Raises BoxError, the overlay as it was, where the
        base's Python has another minor version: compiled packages in the overlay would not load.
        """
        with self._locked():
            place = self.path(name)
            before = _base(place)
            with live_held(self.box, os.path.basename(os.path.dirname(before))) as after:
                had, has = python_version(place), python_version(after)
                if had != has:
                    raise BoxError(
                        f"{name} has packages for Python {had[0]}.{had[1]}, its base is now Python {has[0]}.{has[1]}: "
                        f"make a new one (mlbox env create), install your packages there, then mlbox env remove {name}"
                    )
                if after != before:
                    self._rebase(place, name, before, after)
                return os.path.basename(before), os.path.basename(after), shadows(place, after)

    def _rebase(self, place: str, name: str, before: str, after: str) -> None:
        # The new hold first and the old one's end last: at no moment does nothing keep the base. The link `base` is
        # what counts; before it moves, all else may be done again by the next try.
        self._register(after, name, place)
        # The start module is a newer mlbox's; the interpreter may be another build of the same minor version.
        _write(os.path.join(packages_dir(place), files.START_MODULE + ".py"), files.START_SOURCE)
        _write(os.path.join(place, "pyvenv.cfg"), _pyvenv_cfg(after))
        _link(_interpreter(after), os.path.join(place, "bin", "python"))
        _link(after, os.path.join(place, "base"))
        _write_programs(place, place, after)
        self._write_kernel(name, place, after)
        _unlink(self._link(before, name))

    def _kernel(self, name: str) -> str:
        return os.path.join(self.kernels, f"mlbox-{name}")

    def _write_kernel(self, name: str, place: str, generation: str) -> None:
        if not os.path.isdir(os.path.join(packages_dir(generation), "ipykernel")):
            return
        base = os.path.basename(os.path.dirname(generation))
        os.makedirs(self._kernel(name), exist_ok=True)
        text = files.kernel(place, name, base, python_version(generation))
        _write(os.path.join(self._kernel(name), "kernel.json"), text)

    def _link(self, generation: str, name: str) -> str:
        directory, generation_id = os.path.split(generation)
        return os.path.join(directory, "overlays", f"{generation_id}@{self.uid}@{name}")

    def _register(self, generation: str, name: str, place: str) -> str:
        link = self._link(generation, name)
        _unlink(link)
        try:
            os.symlink(place, link)
        except FileNotFoundError:
            raise BoxError(f"{os.path.dirname(link)} is not there: run the playbook site on this box") from None
        except OSError as error:
            raise BoxError(one_line(error, link)) from None
        return link

    @contextmanager
    def _locked(self, make: bool = False) -> Iterator[None]:
        """One command at a time in this home; clears away what one that was killed left behind."""
        try:
            owner = os.stat(self.home).st_uid
        except OSError as error:
            raise BoxError(f"{one_line(error, self.home)}; a home directory of your own is needed") from None
        if owner != self.uid:
            # `sudo mlbox` that kept HOME would leave root's files in a person's home.
            raise BoxError(f"{self.home} belongs to another user (uid {owner}): run mlbox as the one it belongs to")
        try:
            if make:
                os.makedirs(self.envs, exist_ok=True)
            descriptor = os.open(self.envs, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            yield
            return
        except OSError as error:
            raise BoxError(one_line(error)) from None
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise BoxError("another mlbox env command of yours is running; try again when it has ended") from None
            for name in os.listdir(self.envs):
                if name.startswith((".new-", ".gone-")):
                    shutil.rmtree(os.path.join(self.envs, name))
            yield
        except OSError as error:
            # A full disk shows in a write, which knows no name.
            raise BoxError(one_line(error, error.filename or self.envs)) from None
        finally:
            os.close(descriptor)


def shadows(place: str, generation: str) -> list[tuple[str, str, str]]:
    """Packages of an overlay that hide one of its base's: (name, version in the overlay, version in the base)."""
    own, base = installed_versions(packages_dir(place)), installed_versions(packages_dir(generation))
    return [(name, own[name], base[name]) for name in sorted(own) if name in base]


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise BoxError(f"{name!r} cannot be an environment's name: letters, digits, '.', '_' and '-', up to 64")


def _base(place: str) -> str:
    try:
        return os.readlink(os.path.join(place, "base"))
    except OSError as error:
        raise BoxError(f"{one_line(error)}; this environment is damaged: make it anew") from None


def _interpreter(generation: str) -> str:
    """The base interpreter itself, not a generation's link to it. Raises BoxError where it is gone."""
    major, minor = python_version(generation)
    home = configuration(generation).get("home", "")
    for name in (f"python{major}.{minor}", "python3", "python"):
        if os.access(os.path.join(home, name), os.X_OK):
            return os.path.join(home, name)
    raise BoxError(f"the interpreter under {generation} is gone from {home}: run the playbook site")


def _pyvenv_cfg(generation: str) -> str:
    return files.pyvenv_cfg(configuration(generation)["home"], python_version(generation))


def _write_tree(draft: str, place: str, generation: str) -> None:
    """The virtual environment at `draft`, to be renamed to `place`.

    Not by `python -m venv`: it writes its own path into scripts, so it cannot be made beside and renamed.
    """
    major, minor = python_version(generation)
    interpreter = _interpreter(generation)
    packages = os.path.join(draft, "lib", f"python{major}.{minor}", "site-packages")
    os.makedirs(packages)
    os.mkdir(os.path.join(draft, "bin"))
    os.symlink("lib", os.path.join(draft, "lib64"))
    os.symlink(generation, os.path.join(draft, "base"))
    os.symlink(interpreter, os.path.join(draft, "bin", "python"))
    for name in ("python3", f"python{major}.{minor}"):
        os.symlink("python", os.path.join(draft, "bin", name))
    for name in ("pip", "pip3", f"pip{major}.{minor}"):
        _write(os.path.join(draft, "bin", name), files.pip_script(place), 0o755)
    _write(os.path.join(draft, "bin", "activate"), files.activate(place, os.path.basename(place)))
    _write_programs(draft, place, generation)
    _write(os.path.join(packages, files.START_MODULE + ".py"), files.START_SOURCE)
    _write(os.path.join(packages, files.START_MODULE + ".pth"), files.start_pth())
    _write(os.path.join(draft, "pyvenv.cfg"), _pyvenv_cfg(generation))


def _write_programs(directory: str, place: str, generation: str) -> None:
    """The base's Python programs, to see the overlay's packages; never over one that the person installed."""
    wanted = set(_programs(os.path.join(generation, "bin")))
    target = os.path.join(directory, "bin")
    for name in os.listdir(target):
        path = os.path.join(target, name)
        if name not in wanted and _is_ours(path):
            os.unlink(path)
    for name in sorted(wanted):
        path = os.path.join(target, name)
        if not os.path.lexists(path) or _is_ours(path):
            _write(path, files.program(place, name), 0o755)


def _programs(directory: str) -> list[str]:
    """Names of the Python scripts among a generation's programs, but for pip, of which an overlay has its own."""
    found = []
    for name in os.listdir(directory):
        path = os.path.join(directory, name)
        if re.match(r"^(python|pip|activate)", name) or os.path.islink(path) or not os.path.isfile(path):
            continue
        with open(path, "rb") as stream:
            head = stream.read(500)
        # An installer writes '#!/bin/sh' and an exec line where the path is too long or has a space.
        if _SHEBANG.match(head) and (b"python" in head):
            found.append(name)
    return found


def _is_ours(path: str) -> bool:
    if os.path.islink(path) or not stat.S_ISREG(os.lstat(path).st_mode):
        return False
    with open(path, "rb") as stream:
        return files.MARK.encode() in stream.read(200)


def _write(path: str, text: str, mode: int = 0o644) -> None:
    """The whole text or nothing."""
    temporary = f"{path}.mlbox-new"
    with open(temporary, "w", encoding="utf-8") as stream:
        stream.write(text)
    os.chmod(temporary, mode)
    os.replace(temporary, path)


def _link(target: str, path: str) -> None:
    """A symbolic link, replaced in one step."""
    temporary = f"{path}.mlbox-new"
    _unlink(temporary)
    os.symlink(target, temporary)
    os.replace(temporary, path)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except PermissionError as error:
        # In the sticky directory of registrations a stranger's file of our name cannot be taken away.
        raise BoxError(f"{one_line(error)}; it belongs to another user") from None
