# Copyright: (c) 2026, the ML in a Box contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a smoke check's process gives up before it starts: network, user, privileges, its life beyond its caller's."""

from __future__ import annotations

import contextlib
import os
import resource
import signal

from ._smoke_kernel import PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG, prctl
from ._smoke_network import leave_network, loopback_request


def confinement(owner, network, groups=(), may_gain=False):
    """The function that a check's process runs between fork and exec. owner is None where the caller is not root.

    groups: ids of the groups that the process is in besides its owner's; may_gain: whether programs that it starts may
    have more rights than itself (setuid).
    """
    parent = os.getpid()
    loopback = loopback_request()

    def confine():
        os.umask(0o077)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _prefer_for_oom()
        if not network:
            leave_network(loopback)
        if owner:
            os.setgroups(list(groups))
            os.setresgid(owner.pw_gid, owner.pw_gid, owner.pw_gid)
            os.setresuid(owner.pw_uid, owner.pw_uid, owner.pw_uid)
        if not may_gain:
            prctl(PR_SET_NO_NEW_PRIVS, 1)
        # After the change of user, which clears it.
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before we asked to be told
            os._exit(1)

    return confine


def _prefer_for_oom():
    """Where memory runs out the kernel shall end a check, not what the machine is for."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")
