# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's files below a folder: paths are the host's, links are followed as the host would."""

from __future__ import annotations

import os

#: What has one /usr today: Debian since 12 always, 11 and Ubuntu 20.04 where installed anew.
MERGED = ("bin", "sbin", "lib", "lib64")


class Tree:
    """The files of a host below `root` (str, an absolute path of this machine)."""

    def __init__(self, root):
        self.root = root
        for name in MERGED:
            os.makedirs(os.path.join(root, "usr", name), exist_ok=True)
            os.symlink(f"usr/{name}", os.path.join(root, name))

    def place(self, path):
        """Where the host's `path` lies, links in its folders followed and its folders made; the last part is not."""
        done, left = [], [part for part in path.split("/") if part]
        while len(left) > 1:
            part = left.pop(0)
            here = os.path.join(self.root, *done, part)
            if part == "..":
                done = done[:-1]
            elif os.path.islink(here):
                target = os.readlink(here)
                done = [] if target.startswith("/") else done
                left = [step for step in target.split("/") if step and step != "."] + left
            else:
                os.makedirs(here, exist_ok=True)
                done.append(part)
        return os.path.join(self.root, *done, *left)

    def folder(self, path):
        """Make a folder."""
        self.place(f"{path}/x")

    def write(self, path, content="", mode=0o644):
        """Write text or bytes; what is there is replaced."""
        place = self.place(path)
        with open(place, "wb") as stream:
            stream.write(content if isinstance(content, bytes) else content.encode())
        os.chmod(place, mode)

    def append(self, path, content):
        """Add text at a file's end, making it where it is not there."""
        with open(self.place(path), "a", encoding="utf-8") as stream:
            stream.write(content)

    def link(self, path, target):
        """Make a symbolic link; what is there is replaced."""
        place = self.place(path)
        if os.path.islink(place):
            os.unlink(place)
        os.symlink(target, place)

    def end(self, place):
        """Where a link of this machine's path `place` ends, as the host would follow it."""
        for _step in range(40):
            if not os.path.islink(place):
                break
            target = os.readlink(place)
            host = target if target.startswith("/") else f"{os.path.dirname(place)[len(self.root) :]}/{target}"
            place = self.place(host)
        return place

    def exists(self, path):
        """Whether the host has `path`, be it a link that leads nowhere."""
        return os.path.lexists(self.place(path))

    def names(self, path):
        """Names in a folder, sorted."""
        place = self.place(f"{path}/x")
        return sorted(os.listdir(os.path.dirname(place)))
