"""The collection as its users get it: built, looked through, installed from the tarball, used by five lines."""

from __future__ import annotations

HELP = "the tarball: what is in it, and a playbook that uses it on a test host"


def run(result, arguments, full):
    with result.row("collection"):
        pass
