"""NVIDIA's own files, out of its wheels on the package index."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from . import CACHE, MirrorError
from .recipes import lock


@contextmanager
def unpacked(name):
    """Gives a folder (Path) with the content of all wheels of the lock `name`, each held to its hash by uv.

    They stay in uv's cache; the folder is links into that where the file system lets it, and goes in the end.
    """
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if not uv:
        raise MirrorError("uv is not here: run this through ./box test, or put .venv/bin on PATH")
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=CACHE) as folder:
        command = [uv, "pip", "install", "--quiet", "--no-config", "--python", sys.executable, "--target", folder]
        command += ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--requirement", str(lock(name))]
        # Half a gigabyte in one file: a slow network needs longer than uv's half minute.
        env = {"UV_HTTP_TIMEOUT": "300", "UV_SYSTEM_CERTS": "1", **os.environ}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise MirrorError(f"uv could not get the wheels of {lock(name)}: {done.stderr.strip()}")
        yield Path(folder)


def matched(folder, pattern, place):
    """[(file (Path), its place (str))] of the files below `folder` that match.

    In `pattern`, ** is any path and * any name; in `place` it is what that matched.
    """
    expression = re.sub(r"\\\*\\\*|\\\*", lambda stars: "(.+)" if len(stars[0]) == 4 else "([^/]+)", re.escape(pattern))
    found = []
    for path in sorted(folder.rglob("*")):
        match = re.fullmatch(expression, path.relative_to(folder).as_posix())
        # uv's wheels are Python packages besides.
        if match and path.is_file() and path.name != "__init__.py":
            stem = match[1] if match.groups() else ""
            found.append((path, re.sub(r"\*\*|\*", lambda _stars, stem=stem: stem, place)))
    return found
