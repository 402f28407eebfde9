# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NVIDIA's management library, asked by ctypes in a child process. No Ansible import, and it never raises.

The child says a line of JSON for each thing that it found out, so that what came before a hang is known. How each call
looks is in _gpu_nvml_calls; libraries of all driver generations from R418 on are asked, of which the old ones lack
functions, and any call may fail with any code.
"""

from __future__ import annotations

import json

from . import _gpu_bounded, _gpu_library
from ._gpu_errors import LIBRARY_NOT_FOUND, SUCCESS, words

ABSENT = "absent"
_NO_FILE = "No such file or directory"


def look(root="/", timeout=5.0):
    """Return what result() does. timeout: seconds."""
    job = start(root, timeout)
    _gpu_bounded.wait([job])
    return result(job)


def start(root="/", timeout=5.0, path=None):
    """Return a job that asks the library below `root`; the host's own is the one that the loader finds.

    path: of _gpu_library.look, where that was asked already.
    """
    if root == "/":
        path = _gpu_library.NAME
    elif path is None:
        path = _gpu_library.look(root)["path"]
    return _gpu_bounded.start_call("NVML", lambda say: _ask(root, path, say), timeout)


def result(job):
    """Return what an ended job found out.

    status: `ok`, `absent` (no library), `failed` or `timeout`; detail: why, for people; code: NVML's return code of the
    call that failed, 0 where none did, None where there is none to tell; seconds; driver, nvml: versions; cuda: such
    as '12.4'; count: of GPUs, None where it was not told; gpus: as _gpu_nvml_calls.read_gpu returns them; hung: the
    index of the GPU about which it was asked when it ended without an answer, or None.
    """
    said = {"driver": "", "nvml": "", "cuda": "", "count": None}
    gpus, asked = [], None
    for line in job.outcome.text.splitlines():
        try:
            one = json.loads(line)
        except ValueError:
            continue  # cut off by the end of the process
        if "gpu" in one:
            gpus.append(one["gpu"])
            asked = None
        else:
            asked = one.get("asked", asked)
            said.update(one)
    found = {key: said[key] for key in ("driver", "nvml", "cuda", "count")}
    found.update({"gpus": gpus, "hung": None, "seconds": job.outcome.seconds})
    found.update(_how_it_went(job.outcome, said))
    if asked is not None and found["status"] != _gpu_bounded.OK:
        found["hung"] = asked
        found["detail"] += f", asked about GPU {asked}"
    return found


def _how_it_went(outcome, said):
    if "unloadable" in said:
        status = ABSENT if _NO_FILE in said["unloadable"] else _gpu_bounded.FAILED
        code = LIBRARY_NOT_FOUND if status == ABSENT else None
        return {"status": status, "detail": said["unloadable"], "code": code}
    if outcome.status != _gpu_bounded.OK:
        return {"status": outcome.status, "detail": outcome.detail, "code": None}
    code = said.get("code")
    if code is None:
        return {"status": _gpu_bounded.FAILED, "detail": "NVML ended without an answer", "code": None}
    if code != SUCCESS:
        return {"status": _gpu_bounded.FAILED, "detail": words(code), "code": code}
    return {"status": _gpu_bounded.OK, "detail": "", "code": code}


def _ask(root, path, say):
    """What the child does."""
    from . import _gpu_nvml_calls as calls

    def tell(**what):
        say(json.dumps(what).encode() + b"\n")

    if not path:
        tell(unloadable=f"{_gpu_library.NAME}: {_NO_FILE}")
        return
    try:
        library = calls.Library(path)
    except OSError as error:
        tell(unloadable=str(error))
        return
    code = library.open()
    if code != SUCCESS:
        # Some of it answers without having been opened, the library's own version among it.
        tell(code=code, nvml=calls.nvml_version(library))
        return
    tell(driver=calls.driver_version(library), nvml=calls.nvml_version(library), cuda=calls.cuda_version(library))
    code, count = calls.count(library)
    if code != SUCCESS:
        tell(code=code)
        return
    tell(count=count)
    for index in range(count):
        tell(asked=index)
        tell(gpu=calls.read_gpu(library, index, root))
    tell(code=SUCCESS)
    # The library is not closed: that may hang too, and the process ends.
