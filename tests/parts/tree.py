"""The repository as a plain folder: what git would commit, without its symlink to itself."""

from __future__ import annotations

import shutil
import subprocess

from .report import ROOT


def files():
    """Paths (str, relative to the root) of what git tracks or would track; of everything where no git can say."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        # Ownership is of no matter for a list of names: root may test a user's clone.
        command = [
            "git",
            "-c",
            f"safe.directory={ROOT}",
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ]
        names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
        return sorted(name for name in set(names) if name and (ROOT / name).exists())
    hidden = {".git", ".venv", ".cache", ".ansible", "output", "__pycache__"}
    paths = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file() or path.is_symlink())
    return sorted(str(path) for path in paths if not hidden & set(path.parts))


def copy(target):
    """Copies those files to `target` (a Path), anew; symlinks as what they are, the one to the root itself left out."""
    shutil.rmtree(target, ignore_errors=True)
    for name in files():
        if name.startswith("collections/"):
            continue
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, place, follow_symlinks=False)
