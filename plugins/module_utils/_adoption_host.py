# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host's files, below `/` or below a folder that stands for it. No Ansible import."""

from __future__ import annotations

import os


class Host:
    """A host's files below `root` ("/", or a folder that a test made), by their absolute paths on that host."""

    def __init__(self, root="/"):
        self.root = os.path.abspath(root)

    def real(self, path):
        """Where the host's absolute path lies for this process."""
        return os.path.join(self.root, path.lstrip("/"))

    def names(self, path):
        """The sorted names in a folder; none where there is no such folder."""
        try:
            return sorted(os.listdir(self.real(path)))
        except OSError:
            return []

    def exists(self, path):
        """Whether there is something, a dangling link included."""
        return os.path.lexists(self.real(path))

    def read(self, path):
        """The bytes of a file; none where it cannot be read."""
        try:
            with open(self.real(path), "rb") as stream:
                return stream.read()
        except OSError:
            return b""

    def text(self, path):
        """The text of a file, whatever its encoding."""
        return self.read(path).decode("utf-8", "replace")

    def link(self, path):
        """The target of a link, or '' where it is none."""
        try:
            return os.readlink(self.real(path))
        except OSError:
            return ""

    def resolve(self, path):
        """The absolute path that a chain of links ends at, within the host; the last one where it goes in circles."""
        for _hop in range(20):
            target = self.link(path)
            if not target:
                return path
            path = os.path.normpath(os.path.join(os.path.dirname(path), target))
        return path

    def owned(self, path):
        """Whether one of the installed packages has this path (dpkg's file lists)."""
        line = path.encode() + b"\n"
        folder = "/var/lib/dpkg/info"
        return any(
            line in data and (b"\n" + line in b"\n" + data)
            for data in (self.read(f"{folder}/{name}") for name in self.names(folder) if name.endswith(".list"))
        )

    def homes(self):
        """Home folders of root and of people (uid 1000 and up, but nobody's), from /etc/passwd."""
        found = []
        for line in self.text("/etc/passwd").splitlines():
            fields = line.split(":")
            if len(fields) == 7 and fields[2].isdigit():
                uid = int(fields[2])
                if (uid == 0 or 1000 <= uid < 60000) and fields[5].startswith("/") and fields[5] != "/":
                    found.append(fields[5].rstrip("/"))
        return sorted(set(found))
