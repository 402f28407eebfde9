# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The CUDA toolkits of a host: which there are, whether their compiler answers, where the common links lead.

NVIDIA's packages lay a toolkit out as /usr/local/cuda-X.Y with a version.json (version.txt until 11.0); /usr/local/cuda
is an alternative of theirs (update-alternatives(1)); files in /etc/ld.so.conf.d name the library folders. Debian's own
package has its nvcc in /usr/lib/nvidia-cuda-toolkit and its libraries among the distribution's.
"""

from __future__ import annotations

import json
import os
import re

from . import _gpu_bounded, _loader
from ._gpu_codes import finding
from ._gpu_root import exists, names, place, read_text, resolve

_FOLDER = re.compile(r"cuda-(\d+\.\d+)\Z")
_LINK = re.compile(r"cuda(-\d+)?\Z")
_RELEASE = re.compile(r"\brelease (\d+\.\d+)")
_TEXT_VERSION = re.compile(r"CUDA Version (\d+(?:\.\d+)+)")
#: A folder or file of ld.so.conf that is about CUDA; of others it is nobody's harm that they name what is not there.
_CUDA = re.compile(r"cuda|cudnn|nvidia", re.IGNORECASE)
_PLACES = ("/usr/local/cuda", "/usr/lib/nvidia-cuda-toolkit")


def look(root="/", loader=None, timeout=10):
    """Return `toolkits`, `links`, `nowhere` and `uncached`; nothing is changed, nvcc is asked for its version.

    toolkits: dicts with `path`, `named` (the version in the folder's name), `version` (what it says of itself), `nvcc`
    (None, or `status`, `release`, `words`). links: dicts with `path`, `target` (where it ends on the host), `there`.
    nowhere: (folder, file of ld.so.conf.d). uncached: (folder, names of libraries that the loader's cache lacks).
    loader: of _loader.look; timeout: seconds for one nvcc.
    """
    loader = loader or _loader.look(root)
    local = [f"/usr/local/{name}" for name in names(root, "/usr/local")]
    toolkits = [path for path in local if _FOLDER.search(path) and _is_folder(root, path)]
    # A runfile of old could be told to install into /usr/local/cuda itself; Debian has its own place.
    toolkits += [path for path in _PLACES if _is_folder(root, path)]
    links = [path for path in local if _LINK.match(os.path.basename(path)) and os.path.islink(place(root, path))]
    conf = loader["conf"]
    return {
        "toolkits": [_toolkit(root, path, timeout) for path in toolkits],
        "links": [_link(root, path) for path in links],
        "nowhere": [(path, file) for path, file in conf if _CUDA.search(path + file) and not exists(root, path)],
        "uncached": _loader.uncached(root, loader, [path for path, _file in conf if _CUDA.search(path)]),
    }


def _is_folder(root, path):
    there = place(root, path)
    return os.path.isdir(there) and not os.path.islink(there)


def _link(root, path):
    target = resolve(root, path)
    inside = "/" + os.path.relpath(target, root) if target else ""
    return {"path": path, "target": inside, "there": bool(target) and os.path.exists(target)}


def _toolkit(root, path, timeout):
    named = _FOLDER.search(path)
    return {
        "path": path,
        "named": named.group(1) if named else "",
        "version": _version(root, path),
        "nvcc": _ask_nvcc(root, f"{path}/bin/nvcc", timeout),
    }


def _version(root, path):
    text = read_text(root, f"{path}/version.json")
    try:
        said = json.loads(text)["cuda"]["version"]
    except (ValueError, KeyError, TypeError):
        found = _TEXT_VERSION.search(read_text(root, f"{path}/version.txt"))
        return found.group(1) if found else ""
    # Some have their day in the place of the update's number: 11.7.20220420.
    return re.sub(r"\.\d{6,}\Z", "", said) if isinstance(said, str) else ""


def _ask_nvcc(root, path, timeout):
    program = resolve(root, path)
    if not program or not os.path.lexists(place(root, path)):
        return None
    outcome = _gpu_bounded.run(path, [program, "--version"], timeout, 65536)
    release = _RELEASE.search(outcome.text)
    words = " ".join(outcome.text.split())[-300:]
    status = "ok" if outcome.status == "ok" and release else "failed"
    return {
        "status": status if outcome.status != "timeout" else "timeout",
        "release": release.group(1) if release else "",
        "words": words or outcome.detail,
    }


def judge(seen):
    """Return the findings of what look saw."""
    return [*_of_links(seen), *_of_toolkits(seen), *_of_the_loader(seen)]


def _of_links(seen):
    have = [toolkit["path"] for toolkit in seen["toolkits"]]
    for link in seen["links"]:
        if link["there"]:
            continue
        cure = (
            f"Lead it to a toolkit that is there: `update-alternatives --auto {os.path.basename(link['path'])}`, or "
            f"`ln -sfn {have[-1]} {link['path']}`."
            if have
            else "Install the toolkit again with the playbook site (role cuda), or remove the link."
        )
        yield finding(
            # Without a toolkit nothing stands behind the name, and nothing that is used is broken.
            "toolkit-link-dangles" if have else "toolkit-link-left-over",
            f"{link['path']} leads to {link['target'] or 'itself'}, which is not there.",
            cure,
        )


def _of_toolkits(seen):
    for toolkit in seen["toolkits"]:
        nvcc = toolkit["nvcc"]
        path = toolkit["path"]
        if nvcc and nvcc["status"] == "timeout":
            yield finding(
                "nvcc-fails",
                f"{path}/bin/nvcc does not answer.",
                f"Look at the disk that {path} lies on, with `dmesg`; then install the toolkit again.",
            )
        elif nvcc and nvcc["status"] != "ok":
            yield finding(
                "nvcc-fails",
                f"{path}/bin/nvcc does not tell its version: {nvcc['words'] or 'it says nothing'}.",
                "Install the compiler's packages again: `apt-get install --reinstall` cuda-nvcc and cuda-crt of it.",
            )
        elif nvcc and toolkit["named"] and nvcc["release"] != toolkit["named"]:
            yield finding(
                "toolkit-mixed",
                f"{path} holds the compiler of CUDA {nvcc['release']}.",
                "Move the folder aside and install that toolkit again: one was unpacked over the other.",
            )
        version, named = toolkit["version"], toolkit["named"]
        if named and version and not f"{version}.".startswith(f"{named}."):
            yield finding(
                "toolkit-mixed",
                f"{path} says of itself that it is CUDA {version}.",
                "Move the folder aside and install that toolkit again: one was unpacked over the other.",
            )


def _of_the_loader(seen):
    for folder, lacking in seen["uncached"]:
        yield finding(
            "toolkit-not-in-cache",
            f"The dynamic linker does not know {lacking[0]}{_more(lacking)} in {folder}: its cache is older.",
            "Run `ldconfig`.",
        )
    for folder, file in seen["nowhere"]:
        yield finding(
            "loader-path-nowhere",
            f"{file} names {folder}, which is not there.",
            f"Install what belongs there, or remove the line from {file} and run `ldconfig`.",
        )


def _more(things):
    return f" and {len(things) - 1} others" if len(things) > 2 else f" and {things[1]}" if len(things) == 2 else ""


def text(seen):
    """Return one sentence for the table where nothing is wrong."""
    if not seen["toolkits"]:
        return "No CUDA toolkit is on the host; the wheels bring their own libraries."
    versions = [toolkit["version"] or toolkit["named"] or "of an unknown version" for toolkit in seen["toolkits"]]
    return f"CUDA {', '.join(versions)}: {'its' if len(versions) == 1 else 'each'} compiler answers."
