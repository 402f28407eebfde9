# Copyright: (c) 2026, The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who listens on a TCP port of this host, from /proc alone: `ss` is not on every machine.

Imports nothing of ours, so that it also runs as `python3 - PORT` with this text as its input.
Source of the formats: Linux, Documentation/networking/proc_net_tcp.rst; state 0A is TCP_LISTEN.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import socket
import struct
import sys

_LISTEN = "0A"


def sockets(text: str, port: int) -> list[tuple[str, int, str]]:
    """(address, uid, inode) of the sockets in a /proc/net/tcp or tcp6 that listen on a port."""
    found = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9 and fields[3] == _LISTEN:
            address, _colon, number = fields[1].rpartition(":")
            if int(number, 16) == port:
                found.append((_address(address), int(fields[7]), fields[9]))
    return found


def _address(text: str) -> str:
    """An address as /proc writes it, words of 32 bits in the machine's byte order, as people do."""
    words = [struct.pack("=I", int(text[at : at + 8], 16)) for at in range(0, len(text), 8)]
    return socket.inet_ntop(socket.AF_INET if len(words) == 1 else socket.AF_INET6, b"".join(words))


def holder(inode: str, proc: str = "/proc") -> dict[str, object]:
    """The process that has a socket open: pid, command, systemd unit; pid 0 where we may not see it.

    Even root may not in a container without CAP_SYS_PTRACE, when the process is another user's.
    """
    for name in os.listdir(proc):
        if not name.isdigit():
            continue
        try:
            for descriptor in os.listdir(f"{proc}/{name}/fd"):
                if os.readlink(f"{proc}/{name}/fd/{descriptor}") == f"socket:[{inode}]":
                    command = _read(f"{proc}/{name}/comm").strip()
                    return {"pid": int(name), "command": command, "unit": _unit(proc, name)}
        except OSError:
            continue
    return {"pid": 0, "command": "", "unit": ""}


def listeners(port: int, proc: str = "/proc") -> list[dict[str, object]]:
    """All that listen on a port, one entry a socket: address, user, pid, command, unit."""
    found: list[tuple[str, int, str]] = []
    for table in ("tcp", "tcp6"):
        found += sockets(_read(f"{proc}/net/{table}"), port)
    return [{"address": address, "user": _user(uid), **holder(inode, proc)} for address, uid, inode in found]


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _unit(proc: str, pid: str) -> str:
    match = re.search(r"/([^/\n]+\.service)", _read(f"{proc}/{pid}/cgroup"))
    return match.group(1) if match else ""


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


if __name__ == "__main__":
    json.dump({port: listeners(int(port)) for port in sys.argv[1:]}, sys.stdout)
