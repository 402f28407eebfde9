# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compiles bytecode, run as a program by an environment's own interpreter (`python -I -S -c`), a process a processor.

Arguments: the descriptor of a pipe of 4-byte numbers, how many these are in all (N), the process that it works for, and
a file of source paths, one a line. Takes a number I, compiles the paths at I, I + N, I + 2N, ... as `import` would, and
prints `PLACE<tab>SIZE<tab>SHA256` of each result (sha256 in urlsafe base64 without padding, as in RECORD), until the
pipe is empty. A source that does not compile (templates, Python 2 left in tests) is not ours to mend: it gets no line.
"""

from __future__ import annotations

import base64
import hashlib
import os
import py_compile
import struct
import sys
import warnings


def main(queue, groups, parent, listing):
    """queue: descriptor; groups: N; parent: process id; listing: path. Ends with the work, or with the parent."""
    warnings.simplefilter("ignore")
    with open(listing, encoding="utf-8", errors="surrogateescape") as stream:
        paths = stream.read().split("\n")
    while True:
        taken = os.read(queue, 4)
        if not taken:
            break
        for place in range(struct.unpack("=I", taken)[0], len(paths), groups):
            if os.getppid() != parent:
                return
            found = compiled(paths[place])
            if found:
                # A whole line in one write: the processes share the pipe.
                sys.stdout.write(f"{place}\t{found[0]}\t{found[1]}\n")
                sys.stdout.flush()


def compiled(path):
    """Compile one source. Returns (size in bytes, sha256), or None where it is no Python. Raises OSError."""
    try:
        made = py_compile.compile(path, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.TIMESTAMP)
    except OSError:
        raise
    except Exception:
        return None
    with open(made, "rb") as stream:
        content = stream.read()
    return len(content), base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode("ascii")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
