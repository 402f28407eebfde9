# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A wheelhouse: a directory of wheels and source archives that takes the place of every index and address.

Names tell what lies in it and hashes what may be installed, so any directory with the right files will do, not only one
that `./box wheelhouse` made.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import replace
from urllib.parse import quote

from ._digest import sha256_hex
from ._pins import Pin, normalize
from ._plan import same_version

_SOURCES = (".tar.gz", ".zip", ".tar.bz2")
_BUILD_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?==([^\s;]+)")
_HASH = re.compile(r"--hash[= ](sha256:[0-9a-f]{64})\b")
_CURE = "Complete it where there is a network (./box wheelhouse), and bring it here anew"


class WheelhouseError(ValueError):
    """The wheelhouse will not do. The message is one line: what, where, why, how to mend."""


def read_name(file):
    """Return (normalized name, version) that a file's name says, or None where it is no wheel or source archive."""
    # What is on its way here is not whole yet.
    if file.startswith("."):
        return None
    if file.endswith(".whl"):
        parts = file[:-4].split("-")
        # A wheel's name has no other way to write the dash or the dot of a local version (1.0+ab_1).
        return (normalize(parts[0]), parts[1].replace("_", ".")) if len(parts) in (5, 6) else None
    for suffix in _SOURCES:
        if file.endswith(suffix):
            name, _dash, version = file[: -len(suffix)].rpartition("-")
            return (normalize(name), version) if name else None
    return None


class Wheelhouse:
    """A directory on this host, looked at once."""

    def __init__(self, path):
        """path: absolute. Raises WheelhouseError where it is no directory that can be read."""
        self.path = path
        self._files = {}
        try:
            names = sorted(os.listdir(path))
        except OSError as error:
            raise WheelhouseError(
                f"wheelhouse {path}: {error.strerror} on this host. Mount or copy it there, or name another"
            ) from error
        for name in names:
            said = read_name(name)
            if said:
                self._files.setdefault(said[0], []).append((said[1], name))

    def arguments(self, folder=""):
        """Return uv's arguments by which it takes files from here, or from a folder with some of them, and no index."""
        # As a path it would end at a comma.
        return ["--no-index", "--find-links", "file://" + quote(folder or self.path)]

    def pins(self, pins):
        """Return the pins by name, version and hash where the lock has an address or an index of the network."""
        return [
            replace(pin, url="" if pin.url.startswith(("http://", "https://")) else pin.url, index="") for pin in pins
        ]

    def _files_of(self, pin):
        """Return the paths of the files that are a pin's by their names."""
        files = self._files.get(pin.name, ())
        return [os.path.join(self.path, file) for version, file in files if same_version(version, pin.version)]

    def require(self, pins, constraints=""):
        """Raise WheelhouseError, all of them named, where a pin has no file here.

        pins: those that must be fetched; constraints: the build lock's text, '' where nothing is to be built.
        """
        wanted = [pin for pin in pins if not pin.url]
        # Whether a marker counts, who builds will see.
        wanted += [pin for pin, marked in _build_pins(constraints) if not marked]
        lacking = sorted({f"{pin.name}=={pin.version}" for pin in wanted if not self._files_of(pin)})
        if lacking:
            raise WheelhouseError(
                f"wheelhouse {self.path}: lacks {len(lacking)} of the {len(wanted)} files that the lock needs: "
                f"{_few(lacking)}. {_CURE}"
            )

    def lend(self, folder, pins, constraints):
        """Copy what source builds need to a folder. Who builds may not be let into the wheelhouse itself."""
        os.mkdir(folder, 0o755)
        wanted = [*pins, *(pin for pin, _marked in _build_pins(constraints))]
        for path in sorted({path for pin in wanted for path in self._files_of(pin)}):
            target = os.path.join(folder, os.path.basename(path))
            shutil.copyfile(path, target)
            os.chmod(target, 0o644)

    def explain(self, pins, constraints=""):
        """Return in one line which files are not what the lock and the build lock allow, or ''. It reads all."""
        wrong = set()
        try:
            for pin in [*(pin for pin in pins if not pin.url), *(pin for pin, _marked in _build_pins(constraints))]:
                found = {path: f"sha256:{sha256_hex(path)}" in pin.hashes for path in self._files_of(pin)}
                # Beside one that is right, others do no harm.
                if not any(found.values()):
                    wrong.update(found)
        except OSError as error:
            return f"wheelhouse {self.path}: {error.filename}: cannot be read: {error.strerror}"
        if not wrong:
            return ""
        names = _few(sorted(os.path.basename(path) for path in wrong))
        them = "it" if len(wrong) == 1 else "them"
        return (
            f"wheelhouse {self.path}: {names}: has another content than the lock allows, by hash: the copy is damaged, "
            f"or of another file. Remove {them} on this host. {_CURE}"
        )


def _few(names, most=10):
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _build_pins(constraints):
    """Return (Pin, whether a marker follows) of each entry of a build lock's text."""
    found = []
    for line in constraints.replace("\\\n", " ").splitlines():
        entry = _BUILD_PIN.match(line)
        if entry:
            hashes = tuple(sorted(_HASH.findall(line)))
            found.append((Pin(normalize(entry.group(1)), entry.group(2), hashes), ";" in line))
    return found
