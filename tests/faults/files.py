"""What the local index serves: the wheels of two locks, fetched once, and a source archive that is slow to build."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LOCKS = {"a": HERE / "locks" / "a.txt", "b": HERE / "locks" / "b.txt"}
BUILD_LOCK = ROOT / "tests" / "stacks" / "small" / "locks" / "build.txt"
CACHE = ROOT / ".cache" / "faults"

#: A distribution without a wheel, so that there is something to build. It takes long enough to be killed in it.
SLOW = ("slowbuild", "1.0")
SLOW_SECONDS = 1.0
_SLOW_FILES = {
    "pyproject.toml": '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n',
    "setup.py": (
        "import time\n\nfrom setuptools import setup\n\ntime.sleep(0.7)\n"
        'setup(name="slowbuild", version="1.0", py_modules=["slowbuild"])\n'
    ),
    "slowbuild.py": '"""Built on this host."""\n\nANSWER = 42\n',
    "PKG-INFO": "Metadata-Version: 2.1\nName: slowbuild\nVersion: 1.0\n",
}


def fetch():
    """Return the folder (Path) with all files. Fetches what the locks name with pip, by hash, once for each lock."""
    locks = [*LOCKS.values(), BUILD_LOCK]
    digest = hashlib.sha256(b"".join(lock.read_bytes() for lock in locks)).hexdigest()[:16]
    folder = CACHE / digest
    if folder.is_dir():
        return folder
    making = CACHE / f".making-{os.getpid()}"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    for lock in locks:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        words = ["--require-hashes", "--requirement", lock, "--dest", making]
        done = subprocess.run([*pip, *words], capture_output=True, text=True, timeout=600, check=False)
        if done.returncode:
            raise SystemExit(f"faults: {lock} cannot be fetched: {done.stderr.strip()[-1000:]}")
    for name in os.listdir(making):
        if not name.endswith("-none-any.whl"):
            raise SystemExit(f"faults: {name} is not for every machine; take it out of {HERE / 'locks'}")
    name, version = SLOW
    (making / f"{name}-{version}.tar.gz").write_bytes(_archive(f"{name}-{version}", _SLOW_FILES))
    making.rename(folder)
    for other in CACHE.iterdir():
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
    return folder


def _archive(top, files):
    """A source archive, the same bytes every time."""
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"{top}/{name}")
            member.size, member.mode = len(text), 0o644
            archive.addfile(member, io.BytesIO(text.encode()))
    return out.getvalue()
