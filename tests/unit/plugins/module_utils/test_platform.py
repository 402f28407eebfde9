"""A lock for another platform, as its first line says it, is refused before anything is made."""

from __future__ import annotations

import platform
import sys

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils._interpreter import require_platform
from ansible_collections.mlinabox.core.plugins.module_utils._request import PipLockError, Request


def request(wanted):
    return Request(root="/nowhere", name="stack", uv="/nowhere/uv", platform=wanted)


@pytest.mark.parametrize(
    ("wanted", "machine", "message"),
    [
        ("", "x86_64", ""),
        ("any", "x86_64", ""),
        ("linux-x86_64", "x86_64", ""),
        (
            "linux-aarch64",
            "x86_64",
            "environment stack: the lock is for linux-aarch64, this host is linux-x86_64. Make a lock",
        ),
        (
            "linux-x86_64",
            "aarch64",
            "environment stack: the lock is for linux-x86_64, this host is linux-aarch64. Make a lock",
        ),
        ("any", "aarch64", "environment stack: locks are for x86_64, this host is aarch64"),
    ],
)
def test_platforms(monkeypatch, wanted, machine, message):
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(sys, "platform", "linux")
    if not message:
        require_platform(request(wanted))
        return
    with pytest.raises(PipLockError) as error:
        require_platform(request(wanted))
    assert str(error.value).startswith(message)
