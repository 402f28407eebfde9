"""Runs the programs that packages, indices and signatures are made with."""

from __future__ import annotations

import os
import subprocess

from . import MirrorError


def run(*command, env=None, **keywords):
    """Runs a program; MirrorError with its last line when it fails. Returns what it printed (str)."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8", **(env or {})}
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, **keywords)
    except FileNotFoundError:
        raise MirrorError(
            f"{words[0]} is not installed here; ./box test brings it, as root on Debian or Ubuntu"
        ) from None
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()
        raise MirrorError(f"{' '.join(words[:3])} ended with {done.returncode}: {lines[-1]}")
    return done.stdout
