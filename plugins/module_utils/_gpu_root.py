# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host's files, programs and libraries below `root`: "/" is this host, another folder is a host of a test.

What looks at a host takes its `root` and reads through here, so that the same code runs over a folder as over a host.
Links with absolute targets, of which Debian's alternatives are full, lead to what lies below `root`. Nothing here
raises for what is not there.
"""

from __future__ import annotations

import os
import shutil

PROGRAM_FOLDERS = ("/usr/bin", "/usr/sbin", "/usr/local/bin")
_MOST_LINKS = 40  # as the kernel: path_resolution(7)
_MOST_BYTES = 64 * 1024 * 1024  # of one file: no status file of dpkg is larger, and a device could be endless


def resolve(root, path):
    """Return where the host's `path` lies on this machine, its links followed as the host would; '' for a loop.

    The last part need not be there.
    """
    if root == "/":
        return os.path.realpath(path)
    done, left, links = [], path.split("/"), 0
    while left:
        part = left.pop(0)
        if part in ("", "."):
            continue
        if part == "..":
            done = done[:-1]
            continue
        try:
            target = os.readlink(os.path.join(root, *done, part))
        except OSError:
            done.append(part)
            continue
        links += 1
        if links > _MOST_LINKS:
            return ""
        if target.startswith("/"):
            done = []
        left = target.split("/") + left
    return os.path.join(root, *done)


def place(root, path):
    """Return where the host's `path` itself lies on this machine: links are followed to its folder only."""
    return os.path.join(resolve(root, os.path.dirname(path)), os.path.basename(path))


def read_bytes(root, path, limit=_MOST_BYTES):
    """Return at most `limit` bytes of the host's file `path`, b'' where it cannot be read."""
    try:
        # Without O_NONBLOCK a pipe that somebody put there would hold us until someone writes.
        with open(os.open(resolve(root, path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            return stream.read(limit) or b""
    except (OSError, ValueError):
        return b""


def read_text(root, path, limit=_MOST_BYTES):
    """Return the text of the host's file `path`, '' where it cannot be read; what is not UTF-8 is replaced."""
    return read_bytes(root, path, limit).decode("utf-8", "replace")


def names(root, folder):
    """Return the names in the host's `folder`, sorted; [] where it cannot be read."""
    try:
        return sorted(os.listdir(resolve(root, folder)))
    except OSError:
        return []


def exists(root, path):
    """Tell whether the host has `path`, links followed."""
    return os.path.exists(resolve(root, path))


def link_name(root, path):
    """Return the last part of what the host's link `path` points to, '' where it is no link."""
    try:
        return os.path.basename(os.readlink(place(root, path)))
    except OSError:
        return ""


def find_program(root, name):
    """Return the path on this machine of the host's program `name`, '' where it has none; PATH counts only for "/"."""
    for folder in PROGRAM_FOLDERS:
        path = resolve(root, f"{folder}/{name}")
        if os.path.isfile(path) and os.access(path, os.X_OK):
            # Some programs look at the name that they are called by, so that of a link is kept where it leads there.
            return f"{folder}/{name}" if root == "/" else path
    return (shutil.which(name) or "") if root == "/" else ""


def running_kernel(root):
    """Return the release of the running kernel, as `uname -r` prints it, '' where it is not known."""
    release = read_text(root, "/proc/sys/kernel/osrelease", 256).strip()
    if not release:
        words = read_text(root, "/proc/version", 4096).split()
        release = words[2] if words[:2] == ["Linux", "version"] and len(words) > 2 else ""
    return release or (os.uname().release if root == "/" else "")
