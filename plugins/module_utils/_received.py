# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many bytes a process has received over TCP, asked of the kernel (sock_diag(7), as `ss -i` does).

uv without a terminal says when a file begins and when it is whole, and nothing between: for a wheel of 740 MiB that is
most of the time. What it writes does not tell either, since it unpacks as it downloads, and /proc/<pid>/io leaves
sockets out.
"""

from __future__ import annotations

import os
import re
import socket
import struct

_NETLINK_SOCK_DIAG = 4  # linux/netlink.h
_SOCK_DIAG_BY_FAMILY = 20  # linux/sock_diag.h
_REQUEST_DUMP = 0x301  # NLM_F_REQUEST | NLM_F_ROOT | NLM_F_MATCH
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_INET_DIAG_INFO = 2  # linux/inet_diag.h: the extension that carries struct tcp_info
_ALL_STATES = 0xFFF
_INODE_AT = 68  # of idiag_inode in struct inet_diag_msg, which is 72 bytes long
_ATTRIBUTES_AT = 72
_BYTES_RECEIVED_AT = 128  # of tcpi_bytes_received in struct tcp_info, since Linux 4.1


class Received:
    """Counts for one process. What a socket received between the last look and its end is not seen."""

    def __init__(self, pid):
        self.pid = pid
        self._known = True
        self._by_inode = {}

    def total(self):
        """Return the bytes received so far (int), or None where the kernel does not say."""
        if not self._known:
            return None
        try:
            inodes = self._inodes()
            for family in (socket.AF_INET, socket.AF_INET6) if inodes else ():
                for inode, count in _dump(family):
                    if inode in inodes:
                        self._by_inode[inode] = max(count, self._by_inode.get(inode, 0))
        except (OSError, struct.error):
            # No such process any more, or no netlink here; it will not come back.
            self._known = False
            return None
        return sum(self._by_inode.values())

    def _inodes(self):
        found = set()
        folder = f"/proc/{self.pid}/fd"
        for name in os.listdir(folder):
            try:
                match = re.match(r"socket:\[(\d+)\]", os.readlink(f"{folder}/{name}"))
            except OSError:
                continue
            if match:
                found.add(int(match.group(1)))
        return found


def _dump(family):
    """Yield (inode, bytes received) of each TCP socket of a family."""
    extensions = 1 << (_INET_DIAG_INFO - 1)
    # struct inet_diag_req_v2: family, protocol, extensions, padding, states, then a socket to look for: any.
    request = struct.pack("=BBBxI48x", family, socket.IPPROTO_TCP, extensions, _ALL_STATES)
    header = struct.pack("=IHHII", 16 + len(request), _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG) as asking:
        asking.settimeout(2)
        asking.send(header + request)
        while True:
            answer = asking.recv(1 << 17)
            at = 0
            while at < len(answer):
                length, kind = struct.unpack_from("=IH", answer, at)
                if kind == _NLMSG_DONE:
                    return
                if kind == _NLMSG_ERROR or length < 16:
                    raise OSError("the kernel does not list sockets")
                yield from _message(answer[at + 16 : at + length])
                at += (length + 3) & ~3


def _message(body):
    """Yield (inode, bytes received) of one struct inet_diag_msg with its attributes, nothing where it has none."""
    (inode,) = struct.unpack_from("=I", body, _INODE_AT)
    at = _ATTRIBUTES_AT
    while at + 4 <= len(body):
        length, kind = struct.unpack_from("=HH", body, at)
        if length < 4:
            return
        if kind == _INET_DIAG_INFO and length >= 4 + _BYTES_RECEIVED_AT + 8:
            yield inode, struct.unpack_from("=Q", body, at + 4 + _BYTES_RECEIVED_AT)[0]
        at += (length + 3) & ~3
