# Copyright: (c) 2026, the ML in a Box contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A network of one's own, in which there is loopback and nothing else."""

from __future__ import annotations

import fcntl
import os
import socket
import struct

from ._smoke_ending import exit_code
from ._smoke_kernel import unshare_network

# <linux/sockios.h>, <net/if.h>; neither is in Python 3.8's library.
_SIOCSIFFLAGS = 0x8914
_IFF_UP_RUNNING = 0x41


def loopback_request():
    """What leave_network tells the kernel (struct ifreq): loopback shall be up. Made before the fork."""
    return struct.pack("16sH22x", b"lo", _IFF_UP_RUNNING)


def leave_network(loopback):
    """Moves the process to a network namespace of its own, in which there is loopback and nothing else."""
    unshare_network()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control.fileno(), _SIOCSIFFLAGS, loopback)


def why_not_cut_off():
    """Empty where a process can be cut off from the network, else why not. Tried in a child, for it is for good."""
    loopback = loopback_request()
    child = os.fork()
    if not child:
        code = 255
        try:
            leave_network(loopback)
            code = 0
        except OSError as error:
            code = error.errno or 255
        finally:
            os._exit(code)
    code = exit_code(os.waitpid(child, 0)[1])
    return f"a network namespace cannot be made here ({os.strerror(code)})" if code else ""
