# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetching files into a directory: several at a time, each under its final name only when it is whole."""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path

from .errors import WheelhouseError
from .folder import PARTIAL
from .index import Index, retried
from .plan import Wanted

FILES = 16  # at a time: most are small, and waiting is what takes long
EVERY = 5.0  # seconds between two lines of progress
SPARE = 64 << 20  # bytes that stay free


class _Stopped(Exception):
    """Another file failed, or the user wants to stop."""


def mib(size: float) -> str:
    """Return bytes in whole MiB."""
    return f"{size / (1 << 20):,.0f} MiB"


def require_space(folder: Path, wanted: list[Wanted]) -> None:
    """Raise WheelhouseError where the directory's disk has no room for the files, as far as their sizes are known."""
    needed = sum(one.file.size or 0 for one in wanted)
    free = shutil.disk_usage(folder).free
    if wanted and needed + SPARE > free:
        raise WheelhouseError(
            f"{folder}: too little disk space: {mib(needed)} are to be fetched, {mib(free)} are free. Free some, "
            f"or name a directory on another disk with --to"
        )


def fetch_all(
    folder: Path, wanted: list[Wanted], index: Index, say: Callable[[str], None], every: float = EVERY
) -> dict[str, str]:
    """Fetch files, and return {path: digest (hex)}. Each is held against the hashes that the lock allows.

    Raises:
        WheelhouseError: one cannot be had, or is not what the lock allows. What was whole by then stays.
    """
    run = _Run(folder, index, wanted)
    # The long ones first, so that none is left alone at the end.
    order = sorted(wanted, key=lambda one: -(one.file.size or 0))
    with ThreadPoolExecutor(FILES) as pool:
        try:
            pending = {pool.submit(run.one, one) for one in order}
            told = time.monotonic()
            while pending:
                done, pending = wait(pending, timeout=0.5, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
                if time.monotonic() - told >= every:
                    told = time.monotonic()
                    say(run.progress())
        except BaseException:
            run.stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return run.digests


class _Run:
    def __init__(self, folder: Path, index: Index, wanted: list[Wanted]) -> None:
        self.folder = folder
        self.index = index
        self.count = len(wanted)
        self.total = sum(one.file.size or 0 for one in wanted)
        self.known = all(one.file.size is not None for one in wanted)
        self.stop = threading.Event()
        self.digests: dict[str, str] = {}
        self._got = 0
        self._counting = threading.Lock()
        self._started = time.monotonic()

    def one(self, wanted: Wanted) -> None:
        """Fetch one file."""
        target = self.folder / wanted.path
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f"{PARTIAL}{target.name}")
        try:
            digest = retried(lambda: self._write(wanted, beside), wait=self.stop.wait)
        except _Stopped:
            beside.unlink(missing_ok=True)
            raise
        except (OSError, http.client.HTTPException) as error:
            beside.unlink(missing_ok=True)
            if isinstance(error, OSError) and error.filename == str(beside):
                raise WheelhouseError(f"{target}: cannot be written: {error.strerror}") from error
            raise WheelhouseError(f"{wanted.distribution}: {self.index.why(wanted.file.url, error)}") from error
        if f"sha256:{digest}" not in wanted.hashes:
            beside.unlink()
            raise WheelhouseError(
                f"{wanted.file.url}: {wanted.distribution}=={wanted.version}: what was served has another hash than "
                f"the lock allows (sha256:{digest}). The server has a changed or a broken file: do not install it; try "
                f"another index"
            )
        beside.chmod(0o644)
        beside.replace(target)
        self.digests[wanted.path] = digest

    def _write(self, wanted: Wanted, beside: Path) -> str:
        digest, got = hashlib.sha256(), 0
        with beside.open("wb") as stream:

            def take(part: bytes) -> None:
                nonlocal got
                if self.stop.is_set():
                    raise _Stopped
                try:
                    stream.write(part)
                except OSError as error:
                    # Python does not say which file it was.
                    raise OSError(error.errno, os.strerror(error.errno), str(beside)) from error
                digest.update(part)
                got += len(part)
                self._count(len(part))

            try:
                self.index.fetch(wanted.file.url, take)
                stream.flush()
            except BaseException:
                self._count(-got)
                raise
        return digest.hexdigest()

    def _count(self, size: int) -> None:
        with self._counting:
            self._got += size

    def progress(self) -> str:
        """Return how far it is, in one line."""
        seconds = time.monotonic() - self._started
        rate = self._got / seconds
        line = f"{len(self.digests)} of {self.count} files, {mib(self._got)}"
        if not self.known or not rate:
            return f"{line}, {mib(rate)}/s"
        return f"{line} of {mib(self.total)}, {mib(rate)}/s, {max(self.total - self._got, 0) / rate:.0f} s left"
