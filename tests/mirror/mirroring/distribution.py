"""Files of the distribution's own packages, for what a vendor packages of the same program."""

from __future__ import annotations

import fcntl
import fnmatch
import importlib.machinery
import importlib.util
import tempfile
from contextlib import contextmanager
from pathlib import Path

from . import CACHE, HERE, MirrorError
from .programs import run

_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


@contextmanager
def unpacked(release, package):
    """Gives a folder (Path) with what is in a package of Debian's `release` (a codename). The .deb is kept."""
    deb = _get(release, package)
    with tempfile.TemporaryDirectory(prefix=f"{package}-", dir=CACHE) as folder:
        run("dpkg-deb", "--extract", deb, folder)
        yield Path(folder)


def matched(folder, patterns):
    """Paths (list of Path, from `folder`) of the files and links that one of the patterns is for; * is for / too."""
    found = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_symlink() or path.is_file()]
    return [path for path in found if any(fnmatch.fnmatchcase(str(path), pattern) for pattern in patterns)]


def _get(release, package):
    pool = CACHE / "distribution" / release
    pool.mkdir(parents=True, exist_ok=True)
    with (pool / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (found := _there(pool, package)):
            _download(release, package, pool)
            found = _there(pool, package)
    if not found:
        raise MirrorError(f"apt has brought no {package} of {release}")
    return found[0]


def _there(pool, package):
    return sorted(pool.glob(f"{package}_*.deb"))


def _download(release, package, pool):
    """Has apt fetch a package from the archive of the test hosts, with signatures checked."""
    images = _images()
    try:
        options = images.apt_options()
        sources = images.source_lines(release, options)
    except images.Failure as problem:
        raise MirrorError(str(problem)) from None
    # apt fetches as a user of its own, who has to get in.
    with tempfile.TemporaryDirectory(prefix="mirror-apt-", dir="/tmp") as folder:
        root = Path(folder)
        root.chmod(0o755)
        (root / "sources.list").write_text("".join(f"{line}\n" for line in sources))
        for name in ("lists/partial", "cache/archives/partial", "parts"):
            (root / name).mkdir(parents=True)
        settings = {
            "Dir::Etc::SourceList": root / "sources.list",
            "Dir::Etc::SourceParts": root / "parts",
            "Dir::Etc::Preferences": "/dev/null",
            "Dir::Etc::PreferencesParts": root / "parts",
            "Dir::Etc::Trusted": _KEYRING,
            "Dir::State::Lists": root / "lists",
            # Not what is installed here.
            "Dir::State::Status": "/dev/null",
            "Dir::Cache": root / "cache",
            "APT::Sandbox::User": "root",
            **options,
        }
        words = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
        run("apt-get", "-q", *words, "update")
        run("apt-get", "-q", *words, "download", package, cwd=pool)


def _images():
    """tests/images/build as a module: what it knows of this machine's archive is wanted here too."""
    path = str(HERE.parents[0] / "images" / "build")
    loader = importlib.machinery.SourceFileLoader("images_build", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("images_build", loader))
    loader.exec_module(module)
    return module
