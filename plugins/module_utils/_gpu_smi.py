# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""nvidia-smi as the second source, where NVML does not answer us. No Ansible import, and it never raises."""

from __future__ import annotations

import re

from . import _gpu_bounded
from ._gpu_errors import GPU_IS_LOST, SUCCESS
from ._gpu_root import find_program
from ._gpu_smi_failure import classify
from ._gpu_smi_xml import parse

ABSENT = "absent"
PROGRAM = "nvidia-smi"
_LISTED_GPU = re.compile(r"GPU \d+: .*\(UUID: (\S+)\)")
_LISTED_PART = re.compile(r"\s+MIG (\S+)\s+Device\s+\d+: \(UUID: (\S+)\)")


def look(root="/", timeout=5.0):
    """Return what result() does, with the list of MIG instances. timeout: seconds, for each of at most two calls."""
    job = start(root, timeout)
    _gpu_bounded.wait([job] if job else [])
    found = result(job)
    listing = start_list(found, root, timeout)
    if listing:
        _gpu_bounded.wait([listing])
        add_list(found, listing)
    return found


def start(root="/", timeout=5.0):
    """Return a job that asks the program, None where the host has none."""
    return _start(root, timeout, ["-q", "-x"])


def _start(root, timeout, arguments):
    program = find_program(root, PROGRAM)
    return _gpu_bounded.start_program(PROGRAM, [program, *arguments], timeout) if program else None


def result(job):
    """Return what an ended job found out, or `absent` for None.

    The keys are those of _gpu_nvml.result; code: NVML's return code that its failure comes from, 0 where all is well;
    corrupted: addresses of GPUs whose infoROM is.
    """
    found = {"status": ABSENT, "detail": "", "code": None, "seconds": 0.0, "driver": "", "nvml": "", "cuda": ""}
    found.update({"count": None, "gpus": [], "hung": None, "corrupted": []})
    if not job:
        found["detail"] = f"there is no {PROGRAM}"
        return found
    outcome = job.outcome
    found.update({"status": outcome.status, "detail": outcome.detail, "seconds": outcome.seconds})
    if outcome.code is None:
        return found  # it hung, or did not start
    what = classify(outcome.code, outcome.text)
    answer = parse(outcome.text)
    found.update({"code": what["code"] or SUCCESS, "nvml": what["nvml"], "corrupted": what["corrupted"]})
    found["detail"] = what["detail"] or outcome.detail
    if answer and (answer["gpus"] or not outcome.code):
        # It goes on after what it says of one GPU.
        found.update(answer)
        found["status"] = _gpu_bounded.OK
        found["code"] = SUCCESS
    elif not outcome.code and not what["code"]:
        found.update({"status": _gpu_bounded.FAILED, "detail": f"{PROGRAM} says no XML", "code": None})
    elif what["code"]:
        found["status"] = _gpu_bounded.FAILED
    found["gpus"] = _numbered(found["gpus"], what["gpus"])
    return found


def _numbered(read, named):
    """Return the GPUs that were read and those that were only named as failing, each with its index."""
    gone = {gpu["address"] for gpu in read}
    failed = [one for one in named if not one["address"] or one["address"] not in gone]
    taken = {one["index"] for one in failed if one["index"] is not None}
    placed = sorted(read + [_empty(one) for one in failed if one["index"] is None], key=lambda gpu: gpu["address"])
    index = 0
    for gpu in placed:
        while index in taken:
            index += 1
        gpu["index"] = index
        index += 1
    return sorted(placed + [_empty(one) for one in failed if one["index"] is not None], key=lambda gpu: gpu["index"])


def _empty(one):
    """A GPU of which only its failure is known."""
    known = parse("<nvidia_smi_log><gpu></gpu></nvidia_smi_log>")["gpus"][0]
    known.update(one)
    known["lost"] = one["code"] == GPU_IS_LOST
    return known


def start_list(found, root="/", timeout=5.0):
    """Return a job that lists the MIG instances, whose UUIDs and profiles the XML lacks; None where there are none."""
    lacks = any(not part["uuid"] for gpu in found["gpus"] for part in gpu["mig"]["instances"])
    return _start(root, timeout, ["-L"]) if lacks else None


def add_list(found, job):
    """Fill UUIDs and profiles into what result() found."""
    parts, current = {}, None
    for line in job.outcome.text.splitlines():
        gpu, part = _LISTED_GPU.match(line), _LISTED_PART.match(line)
        if gpu:
            current = parts.setdefault(gpu.group(1), [])
        elif part and current is not None:
            current.append(part.groups())
    for gpu in found["gpus"]:
        listed = parts.get(gpu["uuid"], [])
        if len(listed) == len(gpu["mig"]["instances"]):
            for instance, (profile, uuid) in zip(gpu["mig"]["instances"], listed):
                instance.update({"profile": profile, "uuid": uuid})
