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
_SOURCES = ("/etc/apt/sources.list", "/etc/apt/sources.list.d", "/etc/apt/sources.list.d/*")
_LOCK_POLL = 5
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


class Apt:
    """apt-get with the host's lists, or with lists and sources of its own that vanish with close()."""

    def __init__(self, run, lock_timeout):
        self._run = run
        self._lock_timeout = lock_timeout
        self._options = []
        self._scratch = None

    def close(self):
        """Remove what own_lists() made."""
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None

    def own_lists(self, sources=()):
        """Use lists of our own, and `sources` (dicts with name, content, key as base64) besides the host's."""
        # Not below the module's temporary folder: apt fetches as the user _apt, who could not enter it.
        self._scratch = tempfile.mkdtemp(prefix="mlinabox-apt-", dir="/var/tmp")
        os.chmod(self._scratch, 0o755)
        partial = os.path.join(self._scratch, "lists", "partial")
        os.makedirs(partial)
        # Where that user is missing, apt fetches as root.
        with contextlib.suppress(KeyError):
            os.chown(partial, pwd.getpwnam("_apt").pw_uid, -1)
        self._options = ["-o", f"Dir::State::lists={self._scratch}/lists", *_READ_ONLY]
        if sources:
            self._add_sources(sources)

    def _add_sources(self, sources):
        parts = os.path.join(self._scratch, "sources.list.d")
        os.mkdir(parts)
        for path in glob.glob("/etc/apt/sources.list.d/*"):
            shutil.copy(path, parts)
        for source in sources:
            text = source["content"].strip() + "\n"
            if source.get("key"):
                key = os.path.join(self._scratch, source["name"] + source.get("key_suffix", ".asc"))
                with open(key, "wb") as stream:
                    stream.write(base64.b64decode(source["key"]))
                text += f"Signed-By: {key}\n"
            with open(os.path.join(parts, f"mlinabox-{source['name']}.sources"), "w", encoding="utf-8") as stream:
                stream.write(text)
        self._options += ["-o", f"Dir::Etc::sourceparts={parts}"]

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

    def known_names(self):
        """Return all the names that apt knows."""
        _rc, out, _err = self._run(["apt-cache", *_READ_ONLY, *self._options, "pkgnames"], environ_update=_ENVIRONMENT)
        return out.split()

    def madison(self, name):
        """Return the output of `apt-cache madison NAME`."""
        command = ["apt-cache", *_READ_ONLY, *self._options, "madison", name]
        _rc, out, _err = self._run(command, environ_update=_ENVIRONMENT)
        return out
