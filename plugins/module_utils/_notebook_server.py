# Copyright: (c) 2026, The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts one person's JupyterLab, by the systemd unit or in the foreground: the same command line and settings.

/etc/mlinabox/jupyterlab/jupyter_server_config.py   for all
/etc/mlinabox/jupyterlab/<user>/settings.json       port, contents root
/etc/mlinabox/jupyterlab/<user>/token               the user's, 0400; only its path is handed on
"""

from __future__ import annotations

import json
import os
import pwd
import socket
from typing import NamedTuple

from ._box import Box, BoxError, one_line
from ._listeners import listeners

ETC = "/etc/mlinabox/jupyterlab"
ENVIRONMENT = "jupyterlab"
# sysexits.h, EX_CONFIG: the unit does not start again after it.
EX_CONFIG = 78
_KEPT = ("LANG", "LC_ALL", "LC_CTYPE", "TERM", "TZ", "NOTIFY_SOCKET", "INVOCATION_ID", "JOURNAL_STREAM")


class Server(NamedTuple):
    """One person's server."""

    user: str
    port: int
    root_dir: str
    token_file: str


def settings(user: str, etc: str = ETC) -> Server:
    """Read a person's settings. Raises BoxError where there are none or they make no sense."""
    place = os.path.join(etc, user)
    path = os.path.join(place, "settings.json")
    try:
        with open(path, encoding="utf-8") as stream:
            values = json.load(stream)
        port = values["port"]
    except FileNotFoundError:
        known = ", ".join(users(etc)) or "nobody"
        raise BoxError(f"{user} has no JupyterLab on this box ({known} has); add them to jupyterlab_users") from None
    except OSError as error:
        raise BoxError(one_line(error, path)) from None
    except (ValueError, KeyError, TypeError) as error:
        raise BoxError(f"{path}: {error!r}; run the playbook site, tag jupyterlab") from None
    if not isinstance(port, int) or not 1 <= port <= 65535:
        raise BoxError(f"{path}: port {port!r} is not a port")
    return Server(user, port, str(values.get("root_dir") or ""), os.path.join(place, "token"))


def users(etc: str = ETC) -> list[str]:
    """People who have a server, sorted."""
    try:
        names = sorted(os.listdir(etc))
    except OSError:
        return []
    return [name for name in names if os.path.isfile(os.path.join(etc, name, "settings.json"))]


def command(box: Box, server: Server, etc: str = ETC) -> list[str]:
    """The command line. The token is not on it: any user can read another's."""
    return [
        box.environment(ENVIRONMENT).directory + "/launch",
        "jupyter-lab",
        f"--config={etc}/jupyter_server_config.py",
        f"--ServerApp.port={server.port}",
        f"--ServerApp.root_dir={server.root_dir or pwd.getpwnam(server.user).pw_dir}",
    ]


def environment(box: Box, server: Server, now: dict[str, str]) -> dict[str, str]:
    """The server's environment variables, of `now` only what is harmless: no HOME, no PYTHONPATH."""
    person = pwd.getpwnam(server.user)
    kept = {name: now[name] for name in _KEPT if name in now}
    return {
        **kept,
        "HOME": person.pw_dir,
        "USER": person.pw_name,
        "LOGNAME": person.pw_name,
        "SHELL": person.pw_shell or "/bin/sh",
        "PATH": f"{box.root}/bin:/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games",
        "JUPYTER_TOKEN_FILE": server.token_file,
    }


def check_port(server: Server) -> None:
    """Raises BoxError, with who has it, where the port is taken."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", server.port))
        except OSError as error:
            raise BoxError(taken(server.port, listeners(server.port), error.strerror)) from None


def taken(port: int, found: list[dict[str, object]], reason: str) -> str:
    """The line that says who has a port."""
    names = [
        f"{one['command']} (pid {one['pid']} of {one['user']}{', ' + str(one['unit']) if one['unit'] else ''})"
        if one["pid"]
        else f"a program of {one['user']}"
        for one in found
    ]
    who = f"{', '.join(names)} has it" if names else reason
    return f"port {port} of 127.0.0.1 cannot be had: {who}; stop that, or give another port in jupyterlab_users"


def become(name: str) -> None:
    """Go on as a user, for good. Root only. Raises BoxError for an unknown one."""
    person = _person(name)
    os.initgroups(person.pw_name, person.pw_gid)
    os.setgid(person.pw_gid)
    os.setuid(person.pw_uid)
    os.umask(0o077)


def _person(name: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        raise BoxError(f"there is no user {name} on this box") from None


def prepare(box: Box, user: str, now: dict[str, str], etc: str = ETC) -> tuple[list[str], dict[str, str]]:
    """All that is needed to start, checked: the command line and its environment. Raises BoxError."""
    person = _person(user)
    server = settings(user, etc)
    box.live(ENVIRONMENT)
    if os.geteuid() not in (0, person.pw_uid):
        raise BoxError(f"only {user} and root can start {user}'s JupyterLab")
    if os.geteuid() == 0 and person.pw_uid != 0:
        become(user)
    if not os.access(server.token_file, os.R_OK):
        raise BoxError(f"{server.token_file} cannot be read by {user}: run the playbook site, tag jupyterlab")
    root_dir = server.root_dir or person.pw_dir
    if not os.path.isdir(root_dir):
        raise BoxError(f"{root_dir}, from which {user}'s JupyterLab serves, is not a directory")
    check_port(server)
    os.chdir(root_dir)
    return command(box, server, etc), environment(box, server, now)
