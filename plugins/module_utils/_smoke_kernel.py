# Copyright: (c) 2026, the ML in a Box contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The system calls that confine a smoke check and that Python 3.8's library lacks. Each raises OSError."""

from __future__ import annotations

import ctypes
import os

# <linux/sched.h>, <linux/prctl.h>
_CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38

# Loaded here, not after the fork: loading takes locks.
_libc = ctypes.CDLL(None, use_errno=True)


def prctl(option, value):
    """Sets what the option, one of the PR_ above, says of the calling process."""
    if _libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)):
        raise OSError(ctypes.get_errno(), "prctl")


def unshare_network():
    """Moves the calling process to a new network namespace, for good."""
    if _libc.unshare(_CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
