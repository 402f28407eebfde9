# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Option lines of requirements files: which a lock may have, and why not the others.

The names are pip's ("Requirements File Format", pip 26.3); locks of pip-compile, poetry and pdm carry them.
"""

from __future__ import annotations

import re

from ._lock_file import LockFileError

# The index that served the lock stands for the default one; the others say what holds here anyhow, or what only matters
# to who resolves.
_HARMLESS = {
    "--index-url",
    "-i",
    "--pypi-url",
    "--require-hashes",
    "--only-binary",
    "--no-binary",
    "--prefer-binary",
    "--pre",
    "--use-feature",
}
_EDITABLE = (
    "what lies in a directory cannot be hashed. Leave the project itself out when exporting (`uv export "
    "--no-emit-project`, `pdm export` without --self), or pin a wheel of it by address and hash"
)
_OTHER_FILE = "another file is not read. Make one lock of all: `uv pip compile --generate-hashes ONE.in OTHER.in`"
_REFUSED = {
    "--extra-index-url": "with it any package could come from either index, also one that somebody else put there "
    "under the same name. Remove the line and say with the option `indexes` which packages that index serves",
    "--trusted-host": "it would turn off the check of certificates. Remove the line and give the host your "
    "authority's certificate with network_ca_bundle",
    "--find-links": "files beside an index are not looked for. Remove the line and pin what is there by address and "
    "hash",
    "--no-index": "nothing would serve the packages. Remove the line",
    "--editable": _EDITABLE,
    "--requirement": _OTHER_FILE,
    "--constraint": _OTHER_FILE,
}
_REFUSED.update(
    {"-e": _EDITABLE, "-r": _OTHER_FILE, "-c": _OTHER_FILE, "-f": _REFUSED["--find-links"]},
)


def check_option(line: str, source: str) -> None:
    """Return where an option line changes nothing that is installed; raises LockFileError where it does.

    line: a logical line that begins with '-'; source: FILE:LINE.
    """
    # pip takes `-rFILE`, `--requirement=FILE` and `--requirement FILE`, and several options in a line.
    for name in re.findall(r"(?:^|(?<=\s))(?:--[a-z-]+|-[a-zA-Z]|-\S+)", line):
        if name not in _HARMLESS:
            why = _REFUSED.get(name, "only pinned requirements with hashes stand here. Remove the line")
            raise LockFileError(f"{source}: the option {name!r} does not belong in a lock: {why}")
