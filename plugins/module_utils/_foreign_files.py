# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Root reads what lies in a directory that somebody else can write, also while he does.

A link there, of the file or of a directory above it, would lead root to any file of the host, and a pipe would keep it
waiting for ever.
"""

from __future__ import annotations

import fnmatch
import os
import stat


def foreign_files(directory, under=()):
    """Yield (sorted file names, function) for each folder below directory, from above; no link is followed.

    directory: its own place is to be the caller's. under: patterns of the folders' names on the first levels, below
    which to look. The function opens one of the names, returns its descriptor, and raises OSError where it is no plain
    file of the directory's owner.
    """
    owner = os.lstat(directory).st_uid
    for folder, folders, names, descriptor in os.fwalk(directory):
        level = len(os.path.relpath(folder, directory).split("/")) if folder != directory else 0
        if level < len(under):
            folders[:] = fnmatch.filter(folders, under[level])
        else:
            yield sorted(names), _opener(descriptor, owner)
        folders.sort()


def _opener(folder, owner):
    def opened(name):
        # Not waiting for who would write into a pipe.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(name, flags, dir_fd=folder)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != owner:
            os.close(descriptor)
            raise OSError(f"{name} is no plain file of who made it")
        return descriptor

    return opened
