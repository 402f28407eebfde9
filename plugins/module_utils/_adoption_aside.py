# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Move what is in the way aside, and put it back. No Ansible import.

Nothing is deleted: what is moved lies below <aside>/<time>/files at its own path, and <aside>/<time>/manifest.json,
written before the first move, says how each thing is put back. So a run that is killed half way can be taken back too.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import time

from . import _openpgp
from ._adoption_finding import MOVE, RELINK, STRIP, UNKEY


class AsideError(Exception):
    """It cannot be done; nothing was changed. The message is one line for the user."""


def plan(findings):
    """Return the steps that move the findings aside: dicts with `kind`, `path` and what taking it back needs."""
    steps = {}
    for finding in findings:
        if not finding.in_the_way or not finding.action:
            continue
        for path in finding.paths:
            # Two findings in one file become one step.
            step = steps.setdefault(
                (finding.action, path), {"kind": finding.action, "path": path, "code": finding.code}
            )
            if finding.action == STRIP:
                step["lines"] = step.get("lines", []) + [
                    line for line in finding.lines if line not in step.get("lines", [])
                ]
            if finding.action == UNKEY:
                step["keys"] = finding.keys
            if finding.action == RELINK:
                step["target"] = finding.target
    return list(steps.values())


def plan_paths(host, paths):
    """Return the steps that move these paths aside, those that are there."""
    return [{"kind": MOVE, "path": path, "code": "path"} for path in paths if host.exists(path)]


def describe(step, back=False):
    """One line for the user that says what a step does."""
    if step["kind"] == MOVE:
        return f"put {step['path']} back" if back else f"move {step['path']} aside"
    if step["kind"] == RELINK:
        return f"let {step['path']} lead to {step['was'] if back else step['target']}"
    lines = step["kind"] == STRIP
    if back:
        return f"put {'the lines' if lines else 'the keys'} in {step['path']} back"
    return f"take {len(step['lines'] if lines else step['keys'])} {'lines' if lines else 'keys'} out of {step['path']}"


def move(host, steps, aside):
    """Carry the steps out and return the host's path of the new folder. Raises AsideError, with nothing moved."""
    folder = os.path.join(aside, time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()))
    if host.exists(folder):
        raise AsideError(f"{folder} is there already; try again in a second")
    _room(host, steps, aside)
    # Of root alone: settings that are moved may hold passwords.
    os.makedirs(host.real(aside), mode=0o755, exist_ok=True)
    os.mkdir(host.real(folder), 0o700)
    for step in steps:
        if step["kind"] == RELINK:
            step["was"] = host.link(step["path"])
        elif step["kind"] in (STRIP, UNKEY):
            step["after"] = _digest(_stripped(host, step))
    _write(
        host.real(folder + "/manifest.json"), json.dumps({"steps": steps}, indent=1, sort_keys=True).encode() + b"\n"
    )
    for step in steps:
        kept = _kept(host, folder, step["path"])
        os.makedirs(os.path.dirname(kept), exist_ok=True)
        if step["kind"] == MOVE:
            _rename(host.real(step["path"]), kept)
        elif step["kind"] == RELINK:
            _copy(host.real(step["path"]), kept)
            _relink(host.real(step["path"]), step["target"])
        else:
            content = _stripped(host, step)
            _copy(host.real(step["path"]), kept)
            _write(host.real(step["path"]), content)
    return folder


def plan_back(host, aside):
    """Return [(folder, steps)] that put everything back, the newest folder first.

    Raises AsideError where something stands in a place that was freed or was changed since; nothing is put back then.
    """
    plans, conflicts = [], []
    # How the host will look when the newer folders are back: path -> link target or content.
    ahead = {}
    for name in reversed(host.names(aside)):
        folder = os.path.join(aside, name)
        manifest = host.text(folder + "/manifest.json")
        if not manifest:
            continue
        try:
            steps = json.loads(manifest)["steps"]
        except (ValueError, KeyError, TypeError):
            raise AsideError(f"{folder}/manifest.json is damaged; put {folder}/files back by hand") from None
        todo = []
        for step in reversed(steps):
            state = _state_back(host, folder, step, ahead)
            if state == "conflict":
                conflicts.append(step["path"])
            elif state == "todo":
                todo.append(step)
        plans.append((folder, todo))
    if conflicts:
        raise AsideError(
            f"{', '.join(sorted(set(conflicts)))}: "
            "there is something new in its place, or it was changed since; move that away first"
        )
    return plans


def put_back(host, folder, steps):
    """Carry out one folder's steps of plan_back; the folder goes when nothing is left in it."""
    for step in steps:
        kept, path = _kept(host, folder, step["path"]), host.real(step["path"])
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if step["kind"] == MOVE:
            _rename(kept, path)
        else:
            _copy(kept, path + ".mlinabox-back")
            os.replace(path + ".mlinabox-back", path)
            os.unlink(kept)
    os.unlink(host.real(folder + "/manifest.json"))
    emptied = [base for base, _folders, _files in os.walk(host.real(folder), topdown=False)]
    for base in [*emptied, os.path.dirname(host.real(folder))]:
        # One that holds something still, such as what a killed run left half copied, stays.
        with contextlib.suppress(OSError):
            os.rmdir(base)


def _state_back(host, folder, step, ahead):
    """`todo`, `done` (never moved, or put back already) or `conflict`; `ahead` learns what will be there."""
    kept, path = _kept(host, folder, step["path"]), step["path"]
    if not os.path.lexists(kept):
        return "done"
    if step["kind"] == MOVE:
        free = path not in ahead and not host.exists(path)
        ahead[path] = ""
        return "todo" if free else "conflict"
    # Killed between the copy and the change: it is still as it was, and is put back over itself.
    if step["kind"] == RELINK:
        free = ahead.get(path, host.link(path)) in (step["target"], step["was"])
        ahead[path] = step["was"]
        return "todo" if free else "conflict"
    found = ahead.get(path, host.read(path))
    with open(kept, "rb") as stream:
        ahead[path] = stream.read()
    return "todo" if _digest(found) == step["after"] or found == ahead[path] else "conflict"


def _kept(host, folder, path):
    """Where a path lies for this process while it is aside."""
    return os.path.join(host.real(folder), "files", path.lstrip("/"))


def _stripped(host, step):
    """The file's bytes without the step's lines or keys."""
    if step["kind"] == UNKEY:
        return _openpgp.without(host.read(step["path"]), step["keys"])
    unwanted = {line.encode() for line in step["lines"]}
    return b"".join(line for line in host.read(step["path"]).splitlines(True) if line.rstrip(b"\r\n") not in unwanted)


def _digest(data):
    return hashlib.sha256(data).hexdigest()


def _write(path, data):
    """Write a whole file in one move, with the mode and owner of the one that it replaces."""
    part = path + ".mlinabox-part"
    with open(part, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    if os.path.exists(path):
        _own(path, part)
    os.replace(part, path)


def _copy(source, target):
    """Copy a file or a link itself, with mode, times and owner."""
    shutil.copy2(source, target, follow_symlinks=False)
    _own(source, target)


def _own(source, target):
    info = os.lstat(source)
    if (info.st_uid, info.st_gid) != (os.lstat(target).st_uid, os.lstat(target).st_gid):
        os.chown(target, info.st_uid, info.st_gid, follow_symlinks=False)
    if not os.path.islink(source):
        os.chmod(target, info.st_mode & 0o7777)


def _relink(path, target):
    os.symlink(target, path + ".mlinabox-link")
    os.replace(path + ".mlinabox-link", path)


def _rename(source, target):
    """Rename; on another file system copy whole, then remove the source."""
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # Under the name that counts only when it is whole.
        part = target + ".mlinabox-part"
        if os.path.isdir(source) and not os.path.islink(source):
            shutil.copytree(source, part, symlinks=True, copy_function=_copy)
            for base, _folders, _files in os.walk(source):
                _own(base, os.path.normpath(os.path.join(part, os.path.relpath(base, source))))
            os.rename(part, target)
            shutil.rmtree(source)
        else:
            _copy(source, part)
            os.rename(part, target)
            os.unlink(source)


def _room(host, steps, aside):
    """Raise AsideError where what lies on other file systems does not fit on the aside folder's."""
    there = host.real(aside)
    while not os.path.exists(there):
        there = os.path.dirname(there)
    device, needed = os.stat(there).st_dev, 0
    for step in steps:
        path = host.real(step["path"])
        if step["kind"] == MOVE and os.lstat(path).st_dev != device:
            needed += _size(path)
    free = shutil.disk_usage(there).free
    if needed > free:
        raise AsideError(
            f"{aside} has {free >> 20} MiB free, and {needed >> 20} MiB on other file systems are to be moved there; "
            "free some, or name a roomier folder in adoption_folder"
        )


def _size(path):
    """Bytes of a file or a tree, as the file system counts them."""
    total = os.lstat(path).st_blocks * 512
    for base, folders, files in os.walk(path):
        total += sum(os.lstat(os.path.join(base, name)).st_blocks * 512 for name in folders + files)
    return total
