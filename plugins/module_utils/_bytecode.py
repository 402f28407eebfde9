# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bytecode for a whole environment, and not again for what has not changed.

An environment is root's, so nobody compiles anything in it later. Bytecode that the generation before has is linked
where it is valid for the new one's source: the same interpreter, the same modification time and size (the header of a
.pyc says which: PEP 552). The rest is compiled by the environment's interpreter, a process a processor.
"""

from __future__ import annotations

import os
import struct
import subprocess
import tempfile
from collections import Counter

from . import _compile_worker
from ._manifest import parse_block, read_blocks, split_row
from ._parallel import map_forked, processors

_CACHE = "__pycache__"
_HEADER = struct.Struct("<4sIII")
_PLACE = struct.Struct("=I")
#: As many wait in a pipe at once, whose default capacity on Linux is 64 KiB (pipe(7)).
_GROUPS = 4096


class CompileError(Exception):
    """The interpreter could not compile. The message is one line."""


class Bytecode:
    """Gives a generation its bytecode and adds it to the manifest."""

    def __init__(self, generation, python, pass_fds=(), progress=None):
        """generation: its directory; python: an Interpreter (its cache tag and magic number); pass_fds: held open by
        the compiling processes, as the run's lock is."""
        self.generation = generation
        self.python = python
        self.pass_fds = tuple(pass_fds)
        self.progress = progress

    def add(self, manifest, site, donor="", unchanged=()):
        """Link or compile bytecode for all Python sources in site-packages. Returns (linked, compiled), how many.

        donor: directory of another generation of the same interpreter, or ''; unchanged: distributions that are the
        same in both.
        """
        wanted = self._wanted(manifest, os.path.relpath(site, self.generation))
        linked = self._link(donor, wanted, self._had(donor, set(unchanged)), manifest) if donor else 0
        missing = [(distribution, folder, name) for distribution, folder, names in wanted for name in names]
        made = self._compile([f"{folder}/{name}" for _distribution, folder, name in missing])
        for (distribution, folder, name), found in zip(missing, made):
            if found:
                manifest.add(distribution, f"{folder}/{_CACHE}", self._compiled(name), *found)
        return linked, sum(1 for found in made if found)

    def _compiled(self, name):
        """Return the file name of a source's bytecode."""
        return f"{name[:-3]}.{self.python.cache_tag}.pyc"

    @staticmethod
    def _wanted(manifest, inside):
        """Return [(distribution, folder, names)] of all sources at or under the folder `inside`, each source once.

        A file that several distributions record (a namespace's __init__.py) counts for the first: two processes that
        compiled it would each record its own result, which need not be the same to the byte.
        """
        wanted, taken = [], {}
        owners = Counter(folder for folders in manifest.rows.values() for folder in folders)
        for distribution, folders in manifest.rows.items():
            for folder, rows in folders.items():
                if folder == inside or folder.startswith(inside + "/"):
                    names = [name for name in (row.partition("\t")[0] for row in rows) if name.endswith(".py")]
                    names = list(dict.fromkeys(names))
                    if owners[folder] > 1:
                        names = [name for name in names if name not in taken.setdefault(folder, set())]
                        taken[folder].update(names)
                    if names:
                        wanted.append((distribution, folder, names))
        return wanted

    @staticmethod
    def _had(donor, unchanged):
        """Return {folder: {bytecode's name: row of the manifest}} of what the donor has for `unchanged`."""
        had = {}
        try:
            blocks = read_blocks(donor)
        except ValueError:
            return had
        while blocks:
            # Let go of each: all of them are megabytes.
            block = blocks.pop()
            if block.partition("\n")[0].rpartition("\t")[0].endswith("/" + _CACHE):
                distribution, folder, _total, rows = parse_block(block)
                if distribution in unchanged:
                    had.setdefault(folder, {}).update((row.partition("\t")[0], row) for row in rows)
        return had

    def _link(self, donor, wanted, had, manifest):
        """Link what is valid, add it to the manifest and take it out of `wanted`. Returns how many."""
        having = [one for one in wanted if f"{one[1]}/{_CACHE}" in had]
        size = len(having) // (processors() * 8) + 1
        chunks = [having[start : start + size] for start in range(0, len(having), size)]

        def work(chunk):
            return [
                self._link_folder(donor, folder, names, had[f"{folder}/{_CACHE}"]) for _dist, folder, names in chunk
            ]

        linked = 0
        for chunk, found in zip(chunks, map_forked(work, chunks)):
            for (distribution, folder, names), places in zip(chunk, found):
                inside = f"{folder}/{_CACHE}"
                for place in places:
                    manifest.add_row(distribution, inside, had[inside][self._compiled(names[place])])
                linked += len(places)
                done = set(places)
                names[:] = [name for place, name in enumerate(names) if place not in done]
        return linked

    def _link_folder(self, donor, folder, names, had):
        """Return the places in `names`, sources of a folder, of those whose bytecode could be linked."""
        os.makedirs(os.path.join(self.generation, folder, _CACHE), mode=0o755, exist_ok=True)
        linked = []
        for place, name in enumerate(names):
            row = had.get(self._compiled(name))
            if row and self._link_one(donor, f"{folder}/{name}", f"{folder}/{_CACHE}/{self._compiled(name)}", row):
                linked.append(place)
        return linked

    def _link_one(self, donor, source, compiled, row):
        size = split_row(row)[1]
        try:
            descriptor = os.open(os.path.join(donor, compiled), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                header = os.read(descriptor, _HEADER.size)
                whole = os.fstat(descriptor).st_size == size
            finally:
                os.close(descriptor)
            now = os.stat(os.path.join(self.generation, source))
            valid = _HEADER.pack(self.python.magic, 0, int(now.st_mtime) & 0xFFFFFFFF, now.st_size & 0xFFFFFFFF)
            if not whole or header != valid:
                return False
            target = os.path.join(self.generation, compiled)
            try:
                os.link(os.path.join(donor, compiled), target)
            except FileExistsError:
                # A wheel that was built from source brought its own.
                os.unlink(target)
                os.link(os.path.join(donor, compiled), target)
        except OSError:
            # Not there, or linked too often already: then it is compiled.
            return False
        return True

    def _compile(self, sources):
        """Compile sources, paths relative to the generation. Returns [(size, sha256) or None], in their order."""
        made = [None] * len(sources)
        if not sources:
            return made
        paths = [os.path.join(self.generation, source) for source in sources]
        # The largest first, so that no process is left alone with one at the end.
        order = sorted(range(len(paths)), key=lambda index: -_size(paths[index]))
        # In the generation, which goes with all that is in it where this run is killed.
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", errors="surrogateescape", dir=self.generation
        ) as listing:
            listing.write("\n".join(paths[index] for index in order))
            listing.flush()
            for done, (place, size, sha256) in enumerate(self._workers(len(order), listing.name), 1):
                made[order[int(place)]] = (int(size), sha256)
                if self.progress:
                    self.progress.advance(done, len(sources))
        return made

    def _workers(self, count, listing):
        """Yield (place in the listing, size, sha256) of what the processes compile."""
        groups = min(count, _GROUPS)
        queue, fill = os.pipe()
        answers, answer = os.pipe()
        os.write(fill, b"".join(map(_PLACE.pack, range(groups))))
        os.close(fill)
        arguments = [self.python.path, "-I", "-S", "-c", _program(), str(queue), str(groups), str(os.getpid()), listing]
        workers = []
        try:
            with os.fdopen(answers, encoding="ascii") as stream:
                try:
                    for _number in range(min(processors(), groups)):
                        workers.append(self._start(arguments, queue, answer))
                finally:
                    os.close(queue)
                    os.close(answer)
                for line in stream:
                    yield line.rstrip("\n").split("\t")
            for worker in workers:
                text = worker.communicate()[1].decode("utf-8", "replace").strip()
                if worker.returncode:
                    why = _ending(worker.returncode, text)
                    raise CompileError(f"compiling bytecode with {self.python.path}: {why}")
        finally:
            # Whatever went wrong, none goes on writing into a generation that is being removed.
            for worker in workers:
                worker.kill()
                worker.wait()
                worker.stderr.close()

    def _start(self, arguments, queue, answer):
        return subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=answer,
            stderr=subprocess.PIPE,
            pass_fds=[queue, *self.pass_fds],
        )


def _ending(status, text):
    """Return why a process ended, in a line: what it said last, or the signal that ended it."""
    if text:
        return text.splitlines()[-1]
    if status < 0:
        return f"it was ended by signal {-status}. Was there too little memory? Then free some, and run again"
    return f"it ended with exit status {status}"


def _size(path):
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _program():
    """Return the worker's source: it runs under another interpreter, to which this package may not be readable."""
    return _compile_worker.__loader__.get_source(_compile_worker.__name__)
