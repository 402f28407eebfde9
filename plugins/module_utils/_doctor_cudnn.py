# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""cuDNN as the programs of a host find it: which copies there are, which one is loaded, whether it is one at all.

What goes wrong with it, and where that is told: a link of that name to another library (tensorflow/tensorflow#45200),
a copy on LD_LIBRARY_PATH before the wheel's own (pytorch/pytorch#80637), a system's copy that has a part which the
wheel's lacks (pytorch/pytorch#188892), and two versions of which the older one is found.
"""

from __future__ import annotations

import json
import os
import re
import sys

from . import _elf, _gpu_bounded, _loader
from ._gpu_codes import finding
from ._gpu_root import names, place, resolve
from ._gpu_tables import numbers

_NAME = re.compile(r"(libcudnn\w*)\.so((?:\.\d+)*)\Z")
#: Where a cuDNN is unpacked by hand, besides the folders that the dynamic linker is told of.
_PLACES = ("/usr/local/lib", "/usr/local/cuda/lib64", "/usr/local/cuda/targets/x86_64-linux/lib")

#: Run by this host's Python: loads the library at its first argument as the user at the second, where that is not '',
#: and prints what it says of itself. A cuDNN that does not find a part of itself ends its process, and says so on
#: stderr.
_LOAD = """\
import ctypes, json, os, pwd, sys
if sys.argv[2] and not os.geteuid():
    user = pwd.getpwnam(sys.argv[2])
    os.setgroups([])
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
try:
    library = ctypes.CDLL(sys.argv[1])
    library.cudnnGetVersion.restype = ctypes.c_size_t
except (OSError, AttributeError) as error:
    sys.exit(str(error))
print(json.dumps({"version": library.cudnnGetVersion()}))
"""


def look(root="/", loader=None, timeout=20):
    """Return what there is of cuDNN below `root`; the first copy of each major version is loaded in a child.

    copies: dicts with `path`, `target` (where it ends on the host, '' for a loop), `there`, `soname` (of the file
    itself, '' where that says nothing) and `version` ('8.5.0' or ''). found: {name with a major version: paths, in the
    order in which the dynamic linker takes them}. paths: of _loader.look. loads: dicts with `path`, `status`,
    `version`, `words`. uncached: (folder, names) that the linker's cache lacks. loader: of _loader.look; timeout:
    seconds for one library.
    """
    loader = loader or _loader.look(root)
    folders = [*loader["folders"], *_PLACES]
    folders += [folder for entry in loader["paths"] for folder in entry["folders"]]
    copies, seen = [], set()
    for folder in folders:
        real = resolve(root, folder)
        if real and real not in seen:
            seen.add(real)
            copies += [_copy(root, f"{folder}/{name}") for name in names(root, folder) if _NAME.match(name)]
    # One folder may have two names, /lib and /usr/lib for one.
    known, found = {place(root, copy["path"]): copy["path"] for copy in copies}, {}
    for name, path in loader["known"]:
        match = _NAME.match(name)
        there = place(root, path)
        # A cache may name what is gone, and what is in a folder that nobody names any more.
        if match and match.group(2) and os.path.lexists(there):
            if there not in known:
                known[there] = path
                copies.append(_copy(root, path))
            found.setdefault(name, []).append(known[there])
    first = [paths[0] for name, paths in sorted(found.items()) if name.startswith("libcudnn.so.")]
    return {
        "copies": copies,
        "found": found,
        "paths": loader["paths"],
        "loads": [_load(root, path, timeout) for path in first],
        "uncached": list(_of_cudnn(_loader.uncached(root, loader, folders))),
    }


def _of_cudnn(uncached):
    for folder, lacking in uncached:
        lacking = [name for name in lacking if _NAME.match(name)]
        if lacking:
            yield folder, lacking


def _copy(root, path):
    real = resolve(root, path)
    there = bool(real) and os.path.isfile(real)
    elf = _elf.read_library(real) if there else None
    target = "/" + os.path.relpath(real, root) if real else ""
    return {
        "path": path,
        "target": target,
        "there": there,
        "soname": elf["soname"] if elf else "",
        "version": version_of(target),
    }


def version_of(path):
    """Return the version in a library's file name: '/usr/lib/libcudnn.so.8.5.0' -> '8.5.0'; '' of a shorter one."""
    match = _NAME.match(os.path.basename(path))
    version = match.group(2)[1:] if match else ""
    return version if version.count(".") >= 2 else ""


def _load(root, path, timeout):
    real = resolve(root, path)
    # Nobody else may look into the folder of a test.
    user = "nobody" if root == "/" else ""
    outcome = _gpu_bounded.run(path, [sys.executable, "-I", "-c", _LOAD, real, user], timeout, 65536)
    version, words = "", ""
    if outcome.status == _gpu_bounded.OK:
        try:
            number = json.loads(outcome.text.splitlines()[-1])["version"]
        except (ValueError, KeyError, IndexError, TypeError):
            words = outcome.text
        else:
            # Until 8: major * 1000 + minor * 100 + patch; from 9 on major * 10000 (cudnn_version.h).
            unit = 10000 if number >= 90000 else 1000
            version = f"{number // unit}.{number % unit // 100}.{number % 100}"
    else:
        words = outcome.text or outcome.detail
    status = outcome.status if version or outcome.status != _gpu_bounded.OK else _gpu_bounded.FAILED
    return {"path": path, "status": status, "version": version, "words": " ".join(words.split())[-300:]}


def judge(seen, environments=()):
    """Return the findings of what look saw. environments: of _doctor_environments.look."""
    bogus = list(_bogus(seen))
    return [
        *bogus,
        *_uncached(seen),
        *_hidden(seen),
        *_mixed(seen),
        *_shadowed(seen, environments),
        *_completed(seen, environments),
        *_missing(environments),
        # What cannot be cuDNN need not be tried.
        *([] if bogus else _unloadable(seen)),
    ]


def aside(seen):
    """Return the paths that are called bogus or lead nowhere, which the cure moves aside."""
    return [copy["path"] for copy in seen["copies"] if not copy["there"] or _is_other(copy)]


def _bogus(seen):
    for copy in seen["copies"]:
        path, target = copy["path"], copy["target"]
        if not copy["there"]:
            yield finding(
                "cudnn-link-dangles",
                f"{path} leads to {target or 'itself'}, which is not there.",
                f"Remove {path}, run `ldconfig`, and install cuDNN with the playbook site (role cudnn).",
            )
        elif _is_other(copy):
            wanted = _major(path)
            yield finding(
                "cudnn-bogus",
                f"{path} is no cuDNN{' ' + wanted if wanted else ''}: it is {_what(copy)}.",
                f"Remove {path}, run `ldconfig`, and install cuDNN with the playbook site (role cudnn).",
            )


def _what(copy):
    """What a library says that it is, else what the file is called that its link ends at."""
    return copy["soname"] or os.path.basename(copy["target"])


def _is_other(copy):
    what = _what(copy)
    majors = {_major(copy["path"]), _major(what)} - {""}
    return not _NAME.match(what) or len(majors) > 1


def _major(path):
    """The major version in a library's name, '' of one without."""
    match = _NAME.match(os.path.basename(path))
    return match.group(2).split(".")[1] if match and match.group(2) else ""


def _uncached(seen):
    for folder, lacking in seen["uncached"]:
        yield finding(
            "cudnn-not-in-cache",
            f"The dynamic linker does not know {lacking[0]} in {folder}: its cache is older.",
            "Run `ldconfig`.",
        )


def _hidden(seen):
    """Two versions under one name: the dynamic linker takes the one, and the other is the newer, or is not."""
    versions = {copy["path"]: copy["version"] for copy in seen["copies"]}
    said = set()
    for name, paths in sorted(seen["found"].items()):
        first = versions.get(paths[0], "")
        for path in paths[1:]:
            other = versions.get(path, "")
            if not first or not other or first == other or (first, other) in said:
                continue
            said.add((first, other))
            older = numbers(first) < numbers(other)
            unwanted, place = (first, paths[0]) if older else (other, path)
            yield finding(
                "cudnn-hidden" if older else "cudnn-several",
                f"Two cuDNN have the name {name}: {paths[0]} ({first}) is loaded, and hides {path} ({other}).",
                f"Remove cuDNN {unwanted} from {os.path.dirname(place)} and run `ldconfig`.",
            )


def _mixed(seen):
    """Parts of one major version of which the dynamic linker takes some from the one, some from another."""
    versions = {copy["path"]: copy["version"] for copy in seen["copies"]}
    taken = {}
    for name, paths in sorted(seen["found"].items()):
        if versions.get(paths[0]):
            taken.setdefault(_major(name), {}).setdefault(versions[paths[0]], paths[0])
    for found in taken.values():
        if len(found) > 1:
            (one, path), (two, other) = sorted(found.items(), key=lambda entry: numbers(entry[0]))[:2]
            yield finding(
                "cudnn-mixed",
                f"Parts of two cuDNN would be loaded together: {path} is of {one}, {other} of {two}.",
                f"Remove cuDNN {one} from {os.path.dirname(path)} and run `ldconfig`.",
            )


def _own(environments):
    """Yield (name of an environment, one of its folders of cuDNN) for each."""
    for environment in environments:
        for own in environment.get("cudnn", ()):
            yield environment["name"], own


def _shadowed(seen, environments):
    """What LD_LIBRARY_PATH puts before the cuDNN that an environment brings itself."""
    said = set()
    for file, folder in [(entry["file"], folder) for entry in seen["paths"] for folder in entry["folders"]]:
        here = [copy for copy in seen["copies"] if copy["there"] and os.path.dirname(copy["path"]) == folder]
        copies = {os.path.basename(copy["path"]): copy["version"] for copy in here}
        for environment, own in _own(environments):
            shared = [name for name in own["names"] if name in copies]
            other = copies[shared[0]] if shared else ""
            if not shared or (folder, environment) in said or (own["version"] and own["version"] == other):
                continue
            said.add((folder, environment))
            yield finding(
                "cudnn-shadowed",
                f"{file} sets LD_LIBRARY_PATH to {folder}, whose cuDNN {other or '(version unknown)'} is loaded before "
                f"the {own['version'] or 'one'} that the environment {environment} brings.",
                f"Take {folder} out of LD_LIBRARY_PATH in {file} and log in again.",
            )


def _completed(seen, environments):
    """A part that the environment's cuDNN lacks and the system's, of another version, has: it would be mixed in."""
    versions = {copy["path"]: copy["version"] for copy in seen["copies"]}
    for environment, own in _own(environments):
        majors = {_major(name) for name in own["names"] if name.startswith("libcudnn.so.")}
        for name, paths in sorted(seen["found"].items()):
            other = versions.get(paths[0], "")
            if name in own["names"] or _major(name) not in majors or not own["version"] or not other:
                continue
            if other != own["version"]:
                yield finding(
                    "cudnn-completed-by-another",
                    f"The cuDNN {own['version']} of the environment {environment} has no {name}, and would load "
                    f"{paths[0]} of cuDNN {other}.",
                    f"Remove cuDNN {other} from the host, or install its very version {own['version']} there.",
                )
                break


def _missing(environments):
    """A framework that takes CUDA from the host, where it is, and cuDNN, which is not there."""
    for environment in environments:
        for framework in environment.get("frameworks", ()):
            # One that lacks CUDA besides was meant to have both in its environment: the layer frameworks tells.
            for name in framework["lacks"] if len(framework["lacks"]) < len(framework["wants"]) else ():
                if _NAME.match(name):
                    yield finding(
                        "cudnn-missing",
                        f"{framework['name']} {framework['version']} of the environment {environment['name']} finds no "
                        f"{name}, and computes on the CPU without it.",
                        f"Install cuDNN {_major(name)} with the playbook site (role cudnn).",
                    )


def _unloadable(seen):
    for load in seen["loads"]:
        if load["status"] == _gpu_bounded.TIMEOUT:
            yield finding(
                "cudnn-does-not-load",
                f"{load['path']} could not be loaded in time.",
                "Look at the disk that it lies on with `dmesg`, then install cuDNN again.",
            )
        elif load["status"] != _gpu_bounded.OK:
            yield finding(
                "cudnn-does-not-load",
                f"{load['path']} cannot be loaded: {load['words'] or 'it says nothing'}.",
                "Install cuDNN again with the playbook site (role cudnn), with the CUDA libraries that it needs.",
            )


def text(seen):
    """Return one sentence for the table where nothing is wrong."""
    loaded = [load for load in seen["loads"] if load["version"]]
    if not loaded:
        return "No cuDNN is installed for the whole host; the wheels bring their own."
    return "; ".join(f"cuDNN {load['version']} is loaded from {load['path']}" for load in loaded) + "."
