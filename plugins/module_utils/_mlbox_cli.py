# Copyright: (c) 2026, The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command `mlbox`: what a person on the box does with it. Words to calls; the work is in the modules beside."""

from __future__ import annotations

import argparse
import os
import pwd
import sys

from . import _notebook_server as notebook
from ._box import Box, BoxError, one_line, python_version
from ._overlay import Home

_NOT_FOUND = 127


def _say(line: str) -> None:
    """One line on stdout. This is a program of the host's and no module, but lies where sanity tests forbid print."""
    sys.stdout.write(line + "\n")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="mlbox", description="This ML box: its environments, and your own.")
    words = top.add_subparsers(dest="word", metavar="COMMAND", required=True)

    words.add_parser("status", help="which generation of each environment is live").set_defaults(do=_status)
    words.add_parser("generations", help="all generations, and who keeps them").set_defaults(do=_generations)

    run = words.add_parser("run", help="run a command in an environment: the stack, or one of your own")
    run.add_argument("--env", default="stack", metavar="NAME", help="default: stack")
    run.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND ...")
    run.set_defaults(do=_run)

    lab = words.add_parser("jupyterlab", help="serve JupyterLab in the foreground")
    lab.add_argument("--user", metavar="NAME", help="whose (root only; default: you)")
    lab.set_defaults(do=_jupyterlab)

    env = words.add_parser("env", help="your own environments, in which you install what you like")
    deeds = env.add_subparsers(dest="deed", metavar="DEED", required=True)
    create = deeds.add_parser("create", help="make one over an environment of the box")
    create.add_argument("--base", default="stack", metavar="ENVIRONMENT", help="default: stack")
    create.set_defaults(do=_create)
    rebase = deeds.add_parser("rebase", help="move one to what is live now under it")
    rebase.set_defaults(do=_rebase)
    remove = deeds.add_parser("remove", help="remove one, with all that was installed into it")
    remove.set_defaults(do=_remove)
    path = deeds.add_parser("path", help="print its directory")
    path.set_defaults(do=_path)
    for deed in (create, rebase, remove, path):
        deed.add_argument("name", metavar="NAME")
    deeds.add_parser("list", help="list them").set_defaults(do=_list)
    return top


def main(arguments: list[str], root: str) -> int:
    """Run one command; returns the exit status. What a person can mend ends in one line on stderr."""
    options = parser().parse_args(arguments)
    try:
        return options.do(Box(root), options) or 0
    except BoxError as error:
        sys.stderr.write(f"mlbox: {error}\n")
    except OSError as error:
        sys.stderr.write(f"mlbox: {one_line(error)}\n")
    except KeyboardInterrupt:
        sys.stderr.write("mlbox: stopped\n")
        return 130
    return notebook.EX_CONFIG if options.word == "jupyterlab" else 1


def _home(box: Box) -> Home:
    uid = os.getuid()
    try:
        home = os.environ.get("HOME") or pwd.getpwuid(uid).pw_dir
    except KeyError:
        raise BoxError(f"uid {uid} has no home directory and HOME is not set") from None
    if not os.path.isabs(home):
        raise BoxError(f"HOME is {home!r}; it must be an absolute path")
    return Home(box, home, uid)


def _status(box: Box, _options: argparse.Namespace) -> int:
    names = box.environments()
    if not names:
        raise BoxError("nothing is live on this box yet: run the playbook site")
    for name in names:
        live = box.live(name)
        major, minor = python_version(live)
        proved = box.environment(name).state(os.path.basename(live))
        stack = f"  stack {proved['stack']}" if isinstance(proved.get("stack"), str) else ""
        _say(f"{name:<12} {os.path.basename(live)}  Python {major}.{minor}{stack}  {live}")
    moved = [known for known in _home(box).every() if known.moved]
    for known in moved:
        _say(f"your {known.name}: base moved from {known.generation} to {known.live}: mlbox env rebase {known.name}")
    return 0


def _generations(box: Box, _options: argparse.Namespace) -> int:
    for name in box.environments():
        environment = box.environment(name)
        live, proved, overlays = environment.current_id(), environment.proved_ids(), box.overlays(name)
        _say(name)
        for generation in environment.all_ids():
            keepers = [f"{_user(one.uid)}'s {one.name}" for one in overlays if one.generation == generation]
            words = ["live"] * (generation == live) + ["not proved"] * (generation not in proved)
            words += [f"under {', '.join(keepers)}"] if keepers else []
            _say(f"  {'*' if generation == live else ' '} {generation}  {'; '.join(words)}".rstrip())
    return 0


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _run(box: Box, options: argparse.Namespace) -> int:
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        raise BoxError("say what to run: mlbox run [--env NAME] COMMAND [ARGUMENT...]")
    home = _home(box)
    if options.env in home.names():
        return _run_in_overlay(home.path(options.env), command)
    box.live(options.env)
    launcher = os.path.join(box.environment(options.env).directory, "launch")
    return _execute([launcher, *command], dict(os.environ))


def _run_in_overlay(place: str, command: list[str]) -> int:
    variables = {**os.environ, "VIRTUAL_ENV": place, "PATH": f"{place}/bin:{os.environ.get('PATH', os.defpath)}"}
    variables.pop("PYTHONHOME", None)
    return _execute(command, variables)


def _execute(command: list[str], variables: dict[str, str]) -> int:
    sys.stdout.flush()
    try:
        os.execvpe(command[0], command, variables)
    except OSError as error:
        sys.stderr.write(f"mlbox: {one_line(error, command[0])}\n")
    return _NOT_FOUND


def _jupyterlab(box: Box, options: argparse.Namespace) -> int:
    user = options.user
    if user is None:
        user = _user(os.getuid())
        if os.getuid() == 0 and user not in notebook.users():
            known = ", ".join(notebook.users()) or "nobody has one"
            raise BoxError(f"say whose: mlbox jupyterlab --user NAME ({known})")
    command, variables = notebook.prepare(box, user, dict(os.environ))
    return _execute(command, variables)


def _create(box: Box, options: argparse.Namespace) -> int:
    place = _home(box).create(options.name, options.base)
    _say(
        f"{place}\ninstall into it: {place}/bin/pip install ...\nuse it:         . {place}/bin/activate, "
        f"or the kernel of that name in JupyterLab"
    )
    return 0


def _rebase(box: Box, options: argparse.Namespace) -> int:
    before, after, hidden = _home(box).rebase(options.name)
    _say(f"{options.name}: {'already on' if before == after else f'moved from {before} to'} {after}")
    for name, own, base in hidden:
        _say(f"{name} {own} of {options.name} hides {name} {base} of its base")
    if before != after:
        _say("kernels and programs that run in it keep the old base until they end")
    return 0


def _remove(box: Box, options: argparse.Namespace) -> int:
    _home(box).remove(options.name)
    _say(f"{options.name} is removed")
    return 0


def _path(box: Box, options: argparse.Namespace) -> int:
    _say(_home(box).path(options.name))
    return 0


def _list(box: Box, _options: argparse.Namespace) -> int:
    for known in _home(box).every():
        if not known.there:
            note = f"its base is gone: mlbox env rebase {known.name}"
        elif known.moved:
            note = f"base moved from {known.generation} to {known.live}: mlbox env rebase {known.name}"
        else:
            note = "" if known.live else f"{known.base} has no live generation"
        _say(f"{known.name:<16} {known.base} {known.generation}  {note}".rstrip())
    return 0


def entry(root: str, arguments: list[str] | None = None) -> None:
    """Where the program begins."""
    raise SystemExit(main(sys.argv[1:] if arguments is None else arguments, root))
