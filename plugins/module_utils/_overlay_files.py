# Copyright: (c) 2026, The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a user's overlay, as text: a virtual environment over a generation. Nothing here touches a disk."""

from __future__ import annotations

import json
import shlex

# In the overlay's site-packages. The name sorts early and is no distribution's.
START_MODULE = "_mlbox_base"
# How we know a console script as ours again, and may write it anew.
MARK = "# written by mlbox: runs the base environment's program in this one"

START_SOURCE = '''\
"""Puts the base environment under this one. Written by mlbox; `mlbox env rebase` moves the base."""
import os
import site
import sys

OVERLAY = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), *[os.pardir] * 3))
NAME = os.path.basename(OVERLAY)
_lock = None


def _say(text):
    # One line, once for a tree of processes, and only to a person.
    if os.environ.get("MLBOX_TOLD") == NAME:
        return
    try:
        if os.isatty(2):
            os.environ["MLBOX_TOLD"] = NAME
            sys.stderr.write("mlbox: " + text + "\\n")
    except (OSError, ValueError, AttributeError):
        pass


def _hold(base):
    # As long as this process lives its base is not removed, even when a rebase moves the overlay off it.
    global _lock
    try:
        import fcntl

        _lock = os.open(os.path.join(base, ".mlinabox", "use.lock"), os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        fcntl.flock(_lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        _say("the base of this environment is being removed: mlbox env rebase " + NAME)


def start():
    # Resolved once: late imports and the modules already here come from one generation.
    base = os.path.realpath(os.path.join(OVERLAY, "base"))
    packages = os.path.join(base, "lib", "python%d.%d" % sys.version_info[:2], "site-packages")
    if not os.path.isdir(packages):
        sys.stderr.write("mlbox: the base of this environment, %s, is gone: mlbox env rebase %s\\n" % (base, NAME))
        return
    # addsitedir, not sys.path.append: the base's own .pth files count too.
    site.addsitedir(packages)
    _hold(base)
    try:
        current = os.path.basename(os.readlink(os.path.join(os.path.dirname(base), "current")))
    except OSError:
        return
    if current != os.path.basename(base):
        _say("base moved from %s to %s: mlbox env rebase %s" % (os.path.basename(base), current, NAME))


start()
'''


def pyvenv_cfg(home: str, version: tuple[int, int]) -> str:
    """What makes a directory a virtual environment: the interpreter's own bin folder."""
    return f"home = {home}\ninclude-system-site-packages = false\nversion = {version[0]}.{version[1]}\n"


def start_pth() -> str:
    return f"import {START_MODULE}\n"


def pip_script(overlay: str) -> str:
    """pip comes from the base, through the start module, and installs here."""
    return f'#!/bin/sh\nexec {shlex.quote(overlay + "/bin/python")} -m pip "$@"\n'


def program(overlay: str, name: str) -> str:
    """A program of the base (ipython, say) that sees this environment's packages."""
    python, script = shlex.quote(f"{overlay}/bin/python"), shlex.quote(f"{overlay}/base/bin/{name}")
    return f'#!/bin/sh\n{MARK}\nexec {python} {script} "$@"\n'


def activate(overlay: str, name: str) -> str:
    """`. bin/activate` of a POSIX shell, with `deactivate` to leave."""
    place, prompt = shlex.quote(overlay), shlex.quote(f"({name}) ")
    return f"""\
# . bin/activate in a POSIX shell; deactivate leaves again
# Another environment's is left first, by its shell function; a program of that name (pyenv has one) is not meant.
[ "$(command -v deactivate)" = deactivate ] && deactivate
_MLBOX_OLD_PATH=$PATH
_MLBOX_OLD_PS1=${{PS1-}}
VIRTUAL_ENV={place}
PATH=$VIRTUAL_ENV/bin:$PATH
[ -n "${{VIRTUAL_ENV_DISABLE_PROMPT-}}" ] || PS1={prompt}${{PS1-}}
export VIRTUAL_ENV PATH
unset PYTHONHOME
hash -r 2>/dev/null
deactivate() {{
    PATH=$_MLBOX_OLD_PATH
    PS1=$_MLBOX_OLD_PS1
    export PATH
    unset VIRTUAL_ENV _MLBOX_OLD_PATH _MLBOX_OLD_PS1
    unset -f deactivate
    hash -r 2>/dev/null
    :
}}
"""


def kernel(overlay: str, name: str, base: str, version: tuple[int, int]) -> str:
    """A Jupyter kernelspec. The interpreter itself holds its base's lock (see START_SOURCE)."""
    spec: dict[str, object] = {
        "argv": [f"{overlay}/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": f"{name} (over {base}, Python {version[0]}.{version[1]})",
        "language": "python",
        "metadata": {"debugger": True},
        # !pip in a cell means this environment's. The user's site is out of a virtual environment anyway.
        "env": {"PATH": f"{overlay}/bin:${{PATH}}", "VIRTUAL_ENV": overlay, "PYTHONNOUSERSITE": "1"},
    }
    return json.dumps(spec, indent=1, sort_keys=True) + "\n"
