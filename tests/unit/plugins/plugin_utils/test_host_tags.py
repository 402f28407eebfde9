"""The wheels that a host can install are those that packaging says of this very machine."""

from __future__ import annotations

import os
import platform
import sys

from ansible_collections.mlinabox.core.plugins.plugin_utils._host_tags import host_tags
from ansible_collections.mlinabox.core.plugins.plugin_utils._lock_file import Host, marker_environment
from packaging.tags import sys_tags


def test_this_machine():
    glibc = tuple(int(part) for part in os.confstr("CS_GNU_LIBC_VERSION").split()[1].split("."))
    markers = marker_environment(platform.python_version(), {"platform_machine": platform.machine()})
    assert host_tags(Host(markers, glibc, sys.abiflags)) == list(sys_tags())
