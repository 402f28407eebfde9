# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Building one generation with uv. Downloading and installing is uv's job; here stands how it is called and read."""

from __future__ import annotations

import os
import re
from functools import partial

from ._indexes import shown
from ._pins import normalize
from ._received import Received
from ._streaming import run_listening
from ._uv_output import UvOutput
from ._wrong_host import absent, wrong_host

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class BuildError(Exception):
    """uv could not do it. The message is one line with the cause and the cure."""


class Uv:
    """uv on this host, with a cache of its own and nobody's configuration files."""

    def __init__(self, program, cache, environ=None, pass_fds=(), progress=None, wheelhouse=None):
        """program, cache: absolute paths; environ: more variables; pass_fds: descriptors that uv shall inherit.

        progress: Progress that is told how far a download or build is; wheelhouse: Wheelhouse to take files from, and
        from nowhere else.
        """
        self.program = program
        self.cache = cache
        self.pass_fds = tuple(pass_fds)
        self.progress = progress
        self.wheelhouse = wheelhouse
        self.environ = dict(os.environ)
        self.environ.update(environ or {})
        self.environ.update(
            # A uv.toml on the host would make the same lock mean different things on different hosts.
            UV_NO_CONFIG="1",
            UV_CACHE_DIR=cache,
            UV_PYTHON_DOWNLOADS="never",
            UV_NO_PROGRESS="1",
            NO_COLOR="1",
            HOME=self.environ.get("HOME", "/root"),
        )
        # An environment that the caller stands in must not be mistaken for ours.
        for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME", "UV_SYSTEM_PYTHON"):
            self.environ.pop(name, None)
        # These add places where any package may come from, as an `--extra-index-url` in a lock would.
        for name in ("UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_TORCH_BACKEND"):
            self.environ.pop(name, None)

    def run(self, *arguments, prefix=(), environ=None, phase=""):
        """Run uv, with the command `prefix` before it where it is to run as somebody else.

        phase: download or build, where what uv says shall be told as progress; it is then no part of standard error.
        Returns (exit status, standard output, standard error). Raises BuildError where uv itself is missing.
        """
        try:
            status, *said = run_listening(
                [*prefix, self.program, *arguments],
                {**self.environ, **(environ or {})},
                self.pass_fds,
                self._listener(phase) if phase and self.progress else None,
            )
        except OSError as error:
            raise BuildError(
                f"uv cannot be run: {error}. Install it first (role mlinabox.core.uv), or name it with the option uv"
            ) from error
        out, err = (_ANSI.sub("", part.decode("utf-8", "replace")) for part in said)
        if status < 0:
            # Killed, for lack of memory for one, it says nothing itself.
            err = f"{err}\nerror: it was ended by signal {-status}\n"
        return status, out, err

    def _listener(self, phase):
        return lambda pid: UvOutput(self.progress, Received(pid).total, builds=phase == "build")

    def make_venv(self, python, directory):
        """Make an empty virtual environment at directory over the interpreter python."""
        status, _out, err = self.run("venv", "--quiet", "--no-project", "--python", python, directory)
        if status:
            raise BuildError(f"cannot make an environment with {python}: {one_line(err)}")

    def sync(self, directory, requirements):
        """Install what the file `requirements` lists and nothing else, by hash, wheels only, at directory."""
        self._install(directory, ["sync", requirements])

    def add(self, directory, requirements, index=""):
        """Install what the file `requirements` lists beside what is there. index: the one to ask, or ''."""
        arguments = ["install", "--no-deps", "--requirements", requirements]
        if not index:
            self._install(directory, arguments)
            return
        # Not as an argument: everybody on the host sees those, and an address may hold a password.
        self._install(directory, arguments, {"UV_DEFAULT_INDEX": index, "UV_INDEX_URL": ""})

    def _install(self, directory, what, environ=None):
        arguments = ["pip", *what, "--no-build", "--require-hashes"]
        arguments += ["--python", os.path.join(directory, "bin", "python")]
        if self.wheelhouse:
            arguments += self.wheelhouse.arguments()
        # With a hash for each, what the cache has is as good as what the index would serve, and nobody is asked
        # whether it is still so: that alone takes longer than the rest. What lacks fails at once.
        status, _out, err = self.run(*arguments, "--offline", environ=environ, phase="download")
        if status and not self.wheelhouse:
            status, _out, err = self.run(*arguments, environ=environ, phase="download")
        # uv makes its lock files writable for everybody, who could then hold up root's builds.
        _forget(os.path.join(directory, ".lock"))
        _close(os.path.join(self.cache, ".lock"))
        if status:
            raise BuildError(err)

    def evict(self, names):
        """Drop packages from the cache, so that the next build fetches them again. Returns '', or why that failed."""
        status, _out, err = self.run("cache", "clean", *sorted(names))
        return one_line(err) if status else ""

    def check(self, directory):
        """Return the complaints of `uv pip check`, one a line. Raises BuildError where it could not check."""
        status, _out, err = self.run("pip", "check", "--python", os.path.join(directory, "bin", "python"))
        complaints = [line.strip() for line in err.splitlines() if line.strip().startswith("The package")]
        if status and not complaints:
            # No complaint from one that was killed is no proof.
            raise BuildError(err)
        return complaints


def _forget(path):
    if os.path.exists(path):
        os.unlink(path)


def _close(path):
    if os.path.exists(path):
        os.chmod(path, 0o644)


_PROGRESS = ("Using Python", "Resolved ", "Downloading ", "Downloaded ", "Building ", "Built ")


def one_line(text, limit=600):
    """Return uv's words as one line: hints and repetition left out, cut at `limit` characters."""
    lines = [line.strip().lstrip("×╰─▶│├ ").strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith(("hint:", "help:", *_PROGRESS))]
    # A warning is the cause only where nothing else is said.
    lines = [line for line in lines if not line.startswith("warning:")] or lines
    return " ".join(re.sub(r"^(error|cause|Caused by): ", "", line) for line in lines)[:limit]


def disk_full(said):
    """Return one line where what was said is about a full disk, else ''."""
    if "no space left" not in said.lower() and "os error 28" not in said.lower():
        return ""
    return f"the disk is full: {said}. Free space under the root directory and the cache, then run again"


def explain(error, pins, index=""):
    """Return one line that says what went wrong in a build, where in the lock, and how to mend it.

    error: uv's standard error; pins: the lock's; index: the index's address where one was given.
    """
    return shown(_explain(error, pins, index))


def _explain(error, pins, index):
    said = one_line(error)
    for reads in (wrong_host, partial(absent, index=index)):
        name, line = reads(error, pins)
        if line:
            where = next((pin for pin in pins if pin.name == name), None)
            return f"{where.source}: {name}=={where.version}: {line}" if where else f"{name}: {line}"
    where = _named_pin(error, pins)
    place = f"{where.source}: {where.name}=={where.version}: " if where else ""
    lowered = error.lower()
    if "hash mismatch" in lowered or "no compatible hash" in lowered or ("hashes" in lowered and "match" in lowered):
        computed = re.search(r"Computed:\s*(\S+)", error)
        return (
            f"{place}the file that was served has another hash than the lock allows"
            f"{f' ({computed.group(1)})' if computed else ''}. Either the lock was altered, or made for "
            f"another Python or platform whose wheel alone it allows (make it anew for this host), or the index serves "
            f"a changed file (then do not install it)"
        )
    full = disk_full(said)
    if full:
        return f"{place}{full}"
    if (
        "dns error" in lowered
        or "failed to fetch" in lowered
        or "error sending request" in lowered
        or "connect" in lowered
    ):
        return (
            f"{place}cannot download from {index or 'the package index'}: {said}. Check the network, or set "
            f"network_http_proxy, network_index_url or network_ca_bundle"
        )
    if "failed to extract" in lowered:
        return (
            f"{place}the file that was served is damaged: {said}. Run again; where that does not help, the index or "
            f"something on the way to it serves a broken file"
        )
    if "failed to build" in lowered:
        return f"{place}does not build from source: {said}"
    return f"{place}uv failed: {said}"


def _named_pin(error, pins):
    """Return the pin that uv's message names first, or None."""
    by_name = {pin.name: pin for pin in pins}
    for word in re.findall(
        r"`([A-Za-z0-9._-]+)(?:\[[^]]*\])?(?:==[^`]*|)`|Failed to download distribution\s+`?([^`=\s]+)"
        r"|Failed to install: \S+ \(([^=\s]+)==",
        error,
    ):
        name = normalize("".join(word))
        if name in by_name:
            return by_name[name]
    for name in re.findall(r"/simple/([a-z0-9-]+)/", error):
        if name in by_name:
            return by_name[name]
    return None
