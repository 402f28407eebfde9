# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""apt-get and its lists on this host: how old they are, fetching them, simulating. No Ansible import.

`run` is AnsibleModule.run_command or its like: called with a list and `environ_update`, it returns (rc, stdout,
stderr).
"""

from __future__ import annotations

import base64
import contextlib
import glob
import os
import pwd
import shutil
import tempfile
import time

_ENVIRONMENT = {"LC_ALL": "C", "LANGUAGE": "C", "DEBIAN_FRONTEND": "noninteractive"}
_LISTS = "/var/lib/apt/lists"
_STAMPS = ("/var/lib/apt/periodic/update-success-stamp", _LISTS, _LISTS + "/partial")
_SOURCE_LIST, _SOURCE_PARTS, _PREFERENCE_PARTS = (
    "/etc/apt/sources.list",
    "/etc/apt/sources.list.d",
    "/etc/apt/preferences.d",
)
_SOURCES = (_SOURCE_LIST, _SOURCE_PARTS, _SOURCE_PARTS + "/*")
_LOCK_POLL = 5
_HELPER = "/usr/lib/apt/apt-helper"
# A simulation must write neither apt's caches nor its planner's log.
_READ_ONLY = [
    *("-o", "Dir::Cache::pkgcache="),
    *("-o", "Dir::Cache::srcpkgcache="),
    *("-o", "Dir::Log::Planner=/dev/null"),
]


def lists_are_fresh(max_age):
    """Tell whether apt's lists are there, younger than `max_age` seconds, and no older than what names sources."""
    if not glob.glob(_LISTS + "/*_Packages*"):
        return False
    fetched = max((os.path.getmtime(path) for path in _STAMPS if os.path.exists(path)), default=0)
    named = max((os.path.getmtime(path) for pattern in _SOURCES for path in glob.glob(pattern)), default=0)
    return time.time() - fetched < max_age and fetched >= named


def _write(path, text):
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text)


def _copy(source, target, unwanted=()):
    """Copy a file of apt's without the lines `unwanted`; where there is none, the copy is empty."""
    text = ""
    if source and os.path.exists(source):
        with open(source, encoding="utf-8", errors="surrogateescape") as stream:
            text = "".join(line for line in stream if line.rstrip("\r\n") not in unwanted)
    with open(target, "w", encoding="utf-8", errors="surrogateescape") as stream:
        stream.write(text)


def _copy_folder(source, target, gone):
    """Copy the files of a folder of apt's; `gone`: {path: lines that are left out, or none for the whole file}."""
    for path in sorted(glob.glob(source + "/*")) if source else []:
        if os.path.isfile(path) and gone.get(path) != set():
            _copy(path, os.path.join(target, os.path.basename(path)), gone.get(path, ()))


class Apt:
    """apt-get with the host's lists, or with lists and sources of its own that vanish with close()."""

    def __init__(self, run, lock_timeout):
        self._run = run
        self._lock_timeout = lock_timeout
        self._options = []
        self._scratch = None

    def close(self):
        """Forget what own_lists() and pretend() made, and take the host's lists and configuration again."""
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None
        self._options = []

    def own_lists(self):
        """Use lists of our own in the place of the host's; update() fills them."""
        partial = os.path.join(self._folder(), "lists", "partial")
        os.makedirs(partial)
        # Where that user is missing, apt fetches as root.
        with contextlib.suppress(KeyError):
            os.chown(partial, pwd.getpwnam("_apt").pw_uid, -1)
        self._options += ["-o", f"Dir::State::lists={self._scratch}/lists", *_READ_ONLY]

    def pretend(self, sources=(), preferences=None, without=None, alone=False):
        """Take apt's configuration for what it will be.

        sources: dicts with name, content, key as base64, which are there besides the host's, or `alone`. preferences:
        {name of a file: its text}. without: {path: lines}; a file with no lines here is not there, else these lines of
        it are not.
        """
        gone = {path: set(lines) for path, lines in (without or {}).items()}
        listed = os.path.join(self._folder(), "sources.list")
        _copy(_SOURCE_LIST if not alone else "", listed, gone.get(_SOURCE_LIST, ()))
        parts = os.path.join(self._scratch, "sources.list.d")
        os.mkdir(parts)
        _copy_folder(_SOURCE_PARTS if not alone else "", parts, gone)
        for source in sources:
            _write(os.path.join(parts, f"mlinabox-{source['name']}.sources"), self._stanza(source))
        self._options += ["-o", f"Dir::Etc::sourcelist={listed}", "-o", f"Dir::Etc::sourceparts={parts}"]
        pins = os.path.join(self._scratch, "preferences.d")
        os.mkdir(pins)
        _copy_folder(_PREFERENCE_PARTS, pins, gone)
        for name, text in (preferences or {}).items():
            _write(os.path.join(pins, name), text)
        self._options += ["-o", f"Dir::Etc::preferencesparts={pins}", *_READ_ONLY]

    def _stanza(self, source):
        """Return the text of a source that is not on the host yet; its key is written beside it."""
        text = source["content"].strip() + "\n"
        if source.get("key"):
            key = os.path.join(self._scratch, source["name"] + source.get("key_suffix", ".asc"))
            with open(key, "wb") as stream:
                stream.write(base64.b64decode(source["key"]))
            text += f"Signed-By: {key}\n"
        return text

    def _folder(self):
        """Return our folder, made where it is not there yet."""
        if not self._scratch:
            # Not below the module's temporary folder: apt fetches as the user _apt, who could not enter it.
            self._scratch = tempfile.mkdtemp(prefix="mlinabox-apt-", dir="/var/tmp")
            os.chmod(self._scratch, 0o755)
        return self._scratch

    def update(self):
        """Fetch the lists; return apt-get's whole output. A lock that somebody else holds is waited for."""
        deadline = time.monotonic() + self._lock_timeout
        while True:
            command = ["apt-get", "update", "-q", "-o", "Acquire::Retries=2", "-o", "Acquire::http::Timeout=30"]
            _rc, out, err = self._run(command + self._options, environ_update=_ENVIRONMENT)
            if "Could not get lock" not in err or time.monotonic() > deadline:
                return out + err
            time.sleep(_LOCK_POLL)

    def simulate(self, verb, names):
        """Return (rc, output) of `apt-get -s VERB NAMES` without recommended packages."""
        command = ["apt-get", "-s", "-q", "--no-install-recommends", *_READ_ONLY, *self._options, verb, "--", *names]
        rc, out, err = self._run(command, environ_update=_ENVIRONMENT)
        return rc, out + err

    def targets(self, fields):
        """Return the different values of `fields`, such as '$(SITE)', of the package lists of all sources."""
        command = ["apt-get", "indextargets", *self._options, "--format", fields, "Created-By: Packages"]
        _rc, out, _err = self._run(command, environ_update=_ENVIRONMENT)
        return sorted(set(out.split("\n")) - {""})

    def label(self):
        """Return what the sources call themselves."""
        return ", ".join(self.targets("$(LABEL)"))

    def packages(self):
        """Return the text of the package lists of all sources, whatever they are compressed with."""
        texts = []
        for path in self.targets("$(FILENAME)"):
            _rc, text, _err = self._run([_HELPER, "cat-file", path], environ_update=_ENVIRONMENT)
            texts.append(text.strip("\n"))
        return "\n\n".join(texts)

    def known_names(self):
        """Return all the names that apt knows."""
        _rc, out, _err = self._run(["apt-cache", *_READ_ONLY, *self._options, "pkgnames"], environ_update=_ENVIRONMENT)
        return out.split()

    def madison(self, name):
        """Return the output of `apt-cache madison NAME`."""
        command = ["apt-cache", *_READ_ONLY, *self._options, "madison", name]
        _rc, out, _err = self._run(command, environ_update=_ENVIRONMENT)
        return out
