# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in libraries, compiled from ../nvml/*.c, each once: what it is made of is its name in the cache."""

from __future__ import annotations

import concurrent.futures
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[1] / "nvml"
_FLAGS = ("-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden")
# No C library of this machine's is bound to, so that the file runs on a host with an older one.
_PORTABLE = ("-ffreestanding", "-nostdlib", "-Wl,-Bsymbolic", "-Wl,--build-id=none")


class Library:
    """How a library is to be made.

    source: name of a file in ../nvml; soname: the name it has for itself; macros: {name: value}.
    """

    def __init__(self, source, soname, macros):
        self.source = source
        self.soname = soname
        self.macros = dict(macros)

    def command(self):
        """The compiler's command, without where it is written to."""
        macros = [f"-D{name}={value}" for name, value in sorted(self.macros.items())]
        return [compiler(), *_FLAGS, *_PORTABLE, *macros, f"-Wl,-soname,{self.soname}", str(SOURCES / self.source)]

    def key(self):
        """A name that is another when anything that it is made of is."""
        digest = hashlib.sha256("\0".join(self.command()[1:-1]).encode())
        for source in sorted(SOURCES.iterdir()):
            digest.update(source.name.encode() + b"\0" + source.read_bytes())
        return digest.hexdigest()[:32]


def compiler():
    """The C compiler's name; '' where there is none."""
    return next((name for name in ("gcc", "cc", "clang") if shutil.which(name)), "")


def build(libraries, cache):
    """Compile what the folder `cache` (a Path) lacks, on all processors. Returns {key: path of the library}.

    Raises RuntimeError with the compiler's words, or where there is none.
    """
    if not compiler():
        raise RuntimeError("no C compiler is here; `apt-get install gcc` brings one")
    cache.mkdir(parents=True, exist_ok=True)
    wanted = {library.key(): library for library in libraries}
    lacking = [key for key in wanted if not (cache / f"{key}.so").exists()]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda key: _compile(wanted[key], cache / f"{key}.so"), lacking))
    return {key: cache / f"{key}.so" for key in wanted}


def _compile(library, target):
    # Several tests may want the same at once: each writes its own, and the last rename wins.
    temporary = target.with_name(f"{target.name}.{os.getpid()}-{id(library)}")
    run = subprocess.run([*library.command(), "-o", str(temporary)], capture_output=True, text=True, check=False)
    if run.returncode:
        raise RuntimeError(f"{library.source} does not compile:\n{run.stderr}")
    os.replace(temporary, target)
