# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work on all processors, by forked processes: what is looked at here is read by the kernel, and Python's threads wait.

Nothing is imported for it and nothing sent to the workers: they are copies of this process.
"""

from __future__ import annotations

import json
import os
import struct

_INDEX = struct.Struct("=H")
#: Indexes of chunks wait in a pipe, whose default capacity on Linux is 64 KiB (pipe(7)).
MAX_CHUNKS = 20000


def processors():
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))


def map_forked(work, chunks, workers=0):
    """Return [work(chunk) for chunk in chunks], in that order. work returns what JSON can carry and changes no memory.

    Whoever is free takes the next chunk, so put the long ones first. A worker that dies costs time, no result: what it
    had taken is done here. workers: how many processes in all, 0 for one a processor.
    """
    chunks = list(chunks)
    if len(chunks) > MAX_CHUNKS:
        raise ValueError(f"{len(chunks)} chunks are more than a pipe holds; make them larger")
    count = min(workers or processors(), len(chunks))
    me = os.getpid()
    if count < 2:
        return [work(chunk) for chunk in chunks]
    queue, fill = os.pipe()
    os.write(fill, b"".join(map(_INDEX.pack, range(len(chunks)))))
    os.close(fill)
    children = []
    try:
        for _number in range(count - 1):
            answers, answer = os.pipe()
            try:
                pid = os.fork()
            except OSError:
                # No process or memory left for one more: those that there are do it.
                os.close(answers)
                os.close(answer)
                break
            if not pid:
                _child(work, chunks, queue, answer, me)
            os.close(answer)
            children.append((pid, answers))
        results = dict(_take(work, chunks, queue))
    finally:
        os.close(queue)
        found = [_collect(*child) for child in children]
    for part in found:
        results.update(part)
    return [results[index] if index in results else work(chunk) for index, chunk in enumerate(chunks)]


def _take(work, chunks, queue):
    while True:
        taken = os.read(queue, _INDEX.size)
        if not taken:
            return
        index = _INDEX.unpack(taken)[0]
        yield index, work(chunks[index])


def _child(work, chunks, queue, answer, parent):
    """Work until nothing is left, answer, and end without what the parent would do at its end."""
    status = 1
    try:
        done = []
        for one in _take(work, chunks, queue):
            done.append(one)
            if os.getppid() != parent:
                # It was killed: nobody asks any more, and with it goes the run's lock, which this process holds too.
                return
        with os.fdopen(answer, "w", encoding="utf-8") as stream:
            json.dump(done, stream)
        status = 0
    finally:
        os._exit(status)


def _collect(pid, answers):
    """Return {index: result} of a worker, {} of one that did not end well."""
    with os.fdopen(answers, encoding="utf-8", errors="replace") as stream:
        text = stream.read()
    _pid, status = os.waitpid(pid, 0)
    return dict(json.loads(text)) if status == 0 else {}
