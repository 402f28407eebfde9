# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a crash did to uv's cache.

uv does not bring its cache to disk. After a power failure a wheel that it had unpacked can be there with empty files,
and uv takes it for what it was: it fails to install it, or installs it so, and every later run does the same.
"""

from __future__ import annotations

import glob
import os

from ._dists import dist_infos, read_record


def damaged_in_cache(cache):
    """Return the names (sorted, normalized) of the distributions whose unpacked files are not as their RECORD says.

    cache: uv's cache directory. Sizes only, no file but RECORD is read. The layout is uv's (`archive-v*/ID/` holds an
    unpacked wheel), seen with the uv that is pinned.
    """
    damaged = set()
    for archive in glob.glob(os.path.join(cache, "archive-v*", "*", "")):
        for name, (_version, directory) in dist_infos(archive).items():
            if not _whole(archive, directory):
                damaged.add(name)
    return sorted(damaged)


def _whole(archive, directory):
    if not directory.endswith(".dist-info"):
        return True
    count = 0
    try:
        for path, _sha256, size in read_record(directory):
            count += 1
            if size is not None and os.lstat(os.path.join(archive, path)).st_size != size:
                return False
    except (OSError, ValueError):
        return False
    # A RECORD that was emptied has no rows, and an empty file is one without complaint.
    return count > 0
