# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The programs that this collection puts into an environment: the launcher, and the `pip` that says what to do instead.

A Python started as `current/bin/python` would take late imports and child processes from the next generation after a
switch. The launcher resolves the link once and holds a shared lock on the generation for as long as the program lives.
"""

from __future__ import annotations

import os

from ._generations import write_soon, write_whole

_LAUNCH = """\
#!/bin/sh
# Runs a command of the environment '@NAME@': launch COMMAND [ARGUMENT...], or through a link of that name.
# The link 'current' is resolved once, here; the program keeps this generation, also through a switch.
set -eu
envs='@DIRECTORY@'
command=${0##*/}
if [ "$command" = launch ]; then
    [ $# -gt 0 ] || { echo "usage: launch COMMAND [ARGUMENT...]" >&2; exit 2; }
    command=$1
    shift
fi
tries=0
while :; do
    generation=${MLBOX_GENERATION:-$(readlink "$envs/current" || true)}
    [ -n "$generation" ] || { echo "mlinabox: no generation of '@NAME@' is live; run the playbook site" >&2; exit 1; }
    lock=$envs/$generation/.mlinabox/use.lock
    # The descriptor stays open through exec; the lock lives as long as the program does.
    if [ -r "$lock" ]; then
        exec 9<"$lock"
        flock -s 9
        [ ! -e "$envs/$generation/bin/python" ] || break
    fi
    tries=$((tries + 1))
    # A generation can be removed between reading the link and taking the lock: read the link again.
    [ "$tries" -lt 5 ] || { echo "mlinabox: generation '$generation' of '@NAME@' is not there" >&2; exit 1; }
done
[ -x "$envs/$generation/bin/$command" ] || {
    echo "mlinabox: the environment '@NAME@' has no command '$command'" >&2
    exit 127
}
# Packages in ~/.local would otherwise shadow what was proved.
PYTHONNOUSERSITE=1
export PYTHONNOUSERSITE
exec "$envs/$generation/bin/$command" "$@"
"""

_PIP = """\
#!/bin/sh
# In place of pip's own script: this environment belongs to a lock. pip reads; who would write is told what else to do.
case "${1-}" in
    install | uninstall | download | wheel)
        echo "This environment is '@NAME@', locked and proved as a whole; packages are not changed in it by hand." >&2
        echo "For packages of your own on top of it:  mlbox env create NAME, then NAME's pip install ..." >&2
        echo "To change it for everybody: edit the stack's requirements.in, make the lock anew, run the playbook." >&2
        exit 1
        ;;
esac
exec '@PYTHON@' -m pip "$@"
"""


def write_launcher(environment):
    """Write the environment's launcher where it is not as it should be. Returns whether it was written."""
    path = os.path.join(environment.directory, "launch")
    text = _LAUNCH.replace("@NAME@", environment.name).replace("@DIRECTORY@", environment.directory)
    return _write_program(path, text)


def launcher_is_right(environment):
    """Return whether the launcher stands as write_launcher would write it."""
    path = os.path.join(environment.directory, "launch")
    text = _LAUNCH.replace("@NAME@", environment.name).replace("@DIRECTORY@", environment.directory)
    return _is_program(path, text)


def wrong_links(environment, directory, commands):
    """Return the paths in `directory` that are not as these commands want them: no launcher yet, or one too many.

    What is there and is not this environment's is another's: ValueError names it.
    """
    wrong = []
    target = _link_target(environment, directory)
    for command in commands:
        if "/" in command or command in ("", ".", ".."):
            raise ValueError(f"a command is the name of a program in the environment's bin, not {command!r}")
        path = os.path.join(directory, command)
        found = _read_link(path)
        if found == target:
            continue
        if os.path.lexists(path) and not found.endswith("/launch"):
            raise ValueError(f"{path} is there and is no launcher of ours. Move it away, then run again")
        if found and os.path.exists(path):
            # Each run of the one would take it from the other.
            other = os.path.basename(os.path.dirname(found))
            raise ValueError(f"{path} starts the environment {other!r}. Give the command to one of them")
        wrong.append(path)
    return wrong + [path for path in _links(environment, directory) if os.path.basename(path) not in commands]


def write_links(environment, directory, commands):
    """Lead these commands in `directory` to the launcher, and no others any more."""
    os.makedirs(directory, mode=0o755, exist_ok=True)
    for path in wrong_links(environment, directory, commands):
        if os.path.basename(path) not in commands:
            os.unlink(path)
            continue
        temporary = f"{path}.new"
        if os.path.lexists(temporary):
            os.unlink(temporary)
        os.symlink(_link_target(environment, directory), temporary)
        os.rename(temporary, path)


def remove_links(environment, directory):
    """Remove all links in `directory` that lead to this environment's launcher."""
    for path in _links(environment, directory):
        os.unlink(path)


def _links(environment, directory):
    """Return the paths in `directory` that lead to this environment's launcher, sorted."""
    target = _link_target(environment, directory)
    names = sorted(os.listdir(directory)) if os.path.isdir(directory) else []
    return [path for path in (os.path.join(directory, name) for name in names) if _read_link(path) == target]


def _link_target(environment, directory):
    return os.path.relpath(os.path.join(environment.directory, "launch"), directory)


def _read_link(path):
    try:
        return os.readlink(path)
    except OSError:
        return ""


def write_pip(environment, generation):
    """Put our `pip` in the place of the distribution's scripts. Returns the paths written, none without pip."""
    binaries = os.path.join(environment.path(generation), "bin")
    text = _PIP.replace("@NAME@", environment.name).replace("@PYTHON@", os.path.join(binaries, "python"))
    written = []
    for name in sorted(os.listdir(binaries)):
        if name == "pip" or (name.startswith("pip") and name[3:4].isdigit()):
            path = os.path.join(binaries, name)
            # A file of its own in the name's place: the distribution's script may share its inode with uv's cache.
            write_soon(path, text, 0o755)
            written.append(path)
    return written


def _is_program(path, text):
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read() == text and os.access(path, os.X_OK)
    except (OSError, UnicodeDecodeError):
        return False


def _write_program(path, text):
    if _is_program(path, text):
        return False
    write_whole(path, text, 0o755)
    return True
