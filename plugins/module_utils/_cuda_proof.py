# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compiling a program with nvcc and running it, as an unprivileged user in a folder that vanishes. No Ansible import.

`run` is AnsibleModule.run_command or its like: called with a list and keywords, it returns (rc, stdout, stderr).
"""

from __future__ import annotations

import glob
import json
import os
import re
import shutil

from . import _cuda_compilers, _smoke_folder

PREFIX = "mlinabox-cuda-"
#: Debian's nvcc knows which compiler it is for.
OWN = "own"
_PATH = "/usr/bin:/bin"
_MANY = 400  # characters of a program's own words


class ProofError(Exception):
    """What failed, in one line."""


def prove(run, toolkit, source, user, timeout, **options):
    """Return what the program `source` (CUDA C++) prints, read as JSON (dict), and `compiler`, what nvcc was given.

    toolkit: the folder whose bin/nvcc compiles. user: who compiles and runs. timeout: seconds for each. options:
    `release` ('11.7.1'), `compiler` (a path, '' for one that nvcc takes, OWN for the one that it takes by itself),
    `libraries` (names to link with), `defines` (names for the preprocessor), `rpath` (whether the program is told where
    the toolkit's libraries are). ProofError says what failed.
    """
    nvcc = os.path.join(toolkit, "bin", "nvcc")
    if not os.access(nvcc, os.X_OK):
        raise ProofError(f"there is no {nvcc}")
    compiler = options.get("compiler") or find_compiler(run, toolkit, options.get("release") or "0")
    with _smoke_folder.run_folder(_smoke_folder.PLACE, PREFIX) as folder:
        work = os.path.join(folder, "work")
        os.mkdir(work, 0o700)
        with open(os.path.join(work, "proof.cu"), "w", encoding="utf-8") as stream:
            stream.write(source)
        shutil.chown(work, user)
        command = [nvcc, *([] if compiler == OWN else ["-ccbin", compiler]), "-cudart", "shared"]
        command += [f"-D{name}" for name in options.get("defines") or ()]
        command += ["-o", "proof", "proof.cu"]
        command += [f"-l{name}" for name in options.get("libraries") or ()]
        if options.get("rpath"):
            command += ["-Xlinker", f"-rpath={os.path.join(toolkit, 'targets/x86_64-linux/lib')}"]
        # The source is read by who compiles.
        os.chmod(os.path.join(work, "proof.cu"), 0o644)
        _as(run, user, work, timeout, command, "does not compile")
        said = _as(run, user, work, timeout, ["./proof"], "was compiled, and does not run")
    try:
        return {**json.loads(said), "compiler": compiler}
    except ValueError:
        raise ProofError(f"the program that {nvcc} compiled says {_short(said)}") from None


def find_compiler(run, toolkit, release):
    """Return the path of a g++ on this host that the toolkit's nvcc takes. ProofError where there is none."""
    rc, out, _err = run(["g++", "-dumpversion"], environ_update={"PATH": _PATH}) if _there("g++") else (1, "", "")
    default = int(out.split(".")[0]) if rc == 0 and out.strip() else 0
    others = [
        int(match.group(1)) for path in glob.glob("/usr/bin/g++-*") for match in [re.search(r"-(\d+)$", path)] if match
    ]
    newest = _cuda_compilers.limit_of(toolkit) or _cuda_compilers.newest_gcc(release)
    if not default and not others:
        raise ProofError("there is no g++ on this host")
    if not default:
        default = max(others)
    try:
        name = _cuda_compilers.choose(release, default, others, newest)
    except ValueError as error:
        raise ProofError(str(error)) from None
    return f"/usr/bin/{name}" if _there(name) else f"/usr/bin/g++-{default}"


def _there(name):
    return os.access(f"/usr/bin/{name}", os.X_OK)


def _as(run, user, work, timeout, command, failure):
    """Run a command as `user` in `work` and return what it prints; ProofError where it fails."""
    clean = ["env", "-i", f"PATH={_PATH}", f"HOME={work}", f"TMPDIR={work}", "LC_ALL=C.UTF-8"]
    bounded = ["timeout", "-k", "5", str(timeout)]
    rc, out, err = run([*bounded, "runuser", "-u", user, "--", *clean, *command], cwd=work)
    if rc in (124, 137):
        raise ProofError(f"{command[0]} {failure}: it was ended after {timeout} s")
    if rc:
        raise ProofError(f"{command[0]} {failure}: {_short(err or out) or f'it ended with {rc}'}")
    return out


def _short(text):
    """The text as one line that is not too long; what is an error comes first."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"error|fatal|cannot|could not", line, re.IGNORECASE)]
    return "; ".join(errors[:2] or lines[:2])[:_MANY].rstrip(".")
