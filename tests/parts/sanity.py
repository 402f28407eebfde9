"""ansible-test sanity over a copy of the tree: it wants a folder named by the collection, and no symlinked one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from . import report, tree

HELP = "ansible-test sanity, on the Pythons that are here; takes ansible-test's arguments"

#: ansible-test makes its venvs with a get-pip.py of one version, which it would fetch from a host of its own.
GET_PIP = '''\
"""Stands where ansible-test caches get-pip.py: pip from Python's own copy, then the version asked for by the index."""
import subprocess
import sys

# Not in this process: ensurepip would leave PIP_CONFIG_FILE pointing at nothing.
subprocess.check_call([sys.executable, "-m", "ensurepip", "--default-pip"])
subprocess.check_call([sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "pip==24.2"])
'''


def jobs(result, arguments, full):
    return [lambda: _run(result, arguments)]


def _run(result, arguments):
    with result.row("sanity") as log, tempfile.TemporaryDirectory(prefix="mlinabox-sanity-") as folder:
        # Outside of the clone: within it, ansible-test asks git, and git ignores the copy.
        collection = Path(folder) / "ansible_collections" / "mlinabox" / "core"
        tree.copy(collection)
        # A home of its own, kept, for the venvs that it makes.
        home = report.ROOT / ".cache" / "ansible-test"
        cached = home / ".ansible" / "test" / "cache" / "get_pip_24_2.py"
        cached.parent.mkdir(parents=True, exist_ok=True)
        cached.write_text(GET_PIP)
        _pip_settings(home)
        path = report.environment()["PATH"]
        env = {"HOME": str(home), "PATH": os.pathsep.join([path, *_pyenv_folders()])}
        ansible_test = Path(sys.executable).with_name("ansible-test")
        log.run(ansible_test, "sanity", "--color", "no", *arguments, cwd=collection, env=env, timeout=1500)
        if "All targets skipped" in log.path.read_text(encoding="utf-8", errors="replace"):
            raise report.Failed("ansible-test found nothing to look at")


def _pyenv_folders():
    """bin folders (list of str) of pyenv's interpreters that run: sanity looks on PATH for python3.8 and so on."""
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    return [
        str(python.parent)
        for python in sorted(versions.glob("3.*/bin/python3"))
        if subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0
    ]


def _pip_settings(home):
    """ansible-test hands no PIP_* on to its pips: an index or a CA of the network's own goes by a file."""
    settings = {
        name: value
        for name, value in os.environ.items()
        if name in ("PIP_INDEX_URL", "PIP_CERT", "PIP_PROXY", "PIP_TRUSTED_HOST")
    }
    lines = [f"{name[4:].lower().replace('_', '-')} = {value}\n" for name, value in settings.items()]
    folder = home / ".config" / "pip"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pip.conf").write_text("[global]\n" + "".join(lines))
