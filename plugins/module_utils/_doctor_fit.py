# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the driver suits what is on the host, and the GPUs what was compiled: each toolkit, each live environment.

The rules are those that hold a stack against a host before it is installed (_gpu_fit); here they are asked of what is
there. With NVIDIA's forward compatibility the libcuda that programs load is newer than the driver and counts in its
place (CUDA Compatibility, "Forward Compatibility").
"""

from __future__ import annotations

import os
import re

from ._gpu_codes import finding
from ._gpu_fit import REFUSE, driver_of, fit
from ._gpu_root import resolve
from ._gpu_tables import driver_cuda, numbers

_COMPAT = re.compile(r"/compat/libcuda\.so\.(\d+(?:\.\d+)+)\Z")

#: Problem of _gpu_fit -> code where it refuses, and where it warns.
_CODES = {
    "driver-too-old": ("driver-too-old-for-environment", "driver-too-old-for-environment"),
    "driver-too-old-for-toolkit": ("driver-too-old-for-toolkit", "driver-too-old-for-toolkit"),
    "driver-older-than-toolkit": ("driver-older-than-toolkit", "driver-older-than-toolkit"),
    "no-architecture": ("no-architecture", "no-architecture-for-some"),
    "ptx-needs-driver": ("ptx-needs-driver", "ptx-needs-driver-for-some"),
    "ptx-only": ("ptx-only", "ptx-only"),
    "toolkit-dropped-gpu": ("toolkit-dropped-gpu", "toolkit-dropped-gpu"),
    "toolkit-before-gpu": ("toolkit-before-gpu", "toolkit-before-gpu"),
}
_OTHER_STACK = "Take a stack whose wheels have code for it: the playbook site names one before it downloads anything."
_OTHER_TOOLKIT = "Install a CUDA release that makes code for it beside this one (cuda_version)."


def compatible_driver(root, loader):
    """Return the driver version whose libcuda programs load in the place of the driver's own, '' where they do not."""
    for name, path in loader["known"]:
        if name == "libcuda.so.1":
            match = _COMPAT.search(os.path.join(os.path.dirname(path), os.path.basename(resolve(root, path) or path)))
            return match.group(1) if match else ""
    return ""


def judge(info, toolkits, environments, architectures=None, compatible=""):
    """Return the findings on driver, toolkits and architectures.

    info: of gpu_info; toolkits: of _doctor_toolkit.look; environments: of _doctor_environments.look; architectures:
    {distribution: [entries of _gpu_targets]}, for what the environments' own files do not tell; compatible: of
    compatible_driver.
    """
    host = {**_with_driver(info, compatible), "kind": "gpu"}
    found = []
    for toolkit in toolkits:
        version = toolkit["version"] or toolkit["named"]
        wants = {"stack": "", "variant": "", "cuda": version, "oldest_driver": "", "wheels": {}}
        found += [_finding("", problem) for problem in fit(host, wants)]
    for environment in environments:
        wheels = {
            framework["distribution"]: {
                "version": framework["version"].partition("+")[0],
                "cuda": framework["cuda"],
                "architectures": framework["architectures"] or (architectures or {}).get(framework["distribution"], []),
            }
            for framework in environment.get("frameworks", ())
            if not framework["cpu_only"]
        }
        wants = {"stack": environment["name"], "variant": "", "cuda": "", "oldest_driver": "", "wheels": wheels}
        found += [_finding(f"Environment {environment['name']}: ", problem) for problem in fit(host, wants)]
    return found


def _with_driver(info, compatible):
    if numbers(compatible) <= numbers(driver_of(info)):
        return info
    return {**info, "driver": {**info["driver"], "version": compatible, "cuda": driver_cuda(compatible)}}


def _finding(head, problem):
    code = _CODES[problem["code"]][0 if problem["severity"] == REFUSE else 1]
    what, why = problem["what"], problem["why"]
    text = f"{head}{what[:-1]}; {why[0].lower()}{why[1:]}" if why else f"{head}{what}"
    cure = problem["cure"]
    if not cure and code != "ptx-only":
        cure = _OTHER_TOOLKIT if code.startswith("toolkit-") else _OTHER_STACK
    return finding(code, text, cure)


def text(info, toolkits, environments, layer, compatible=""):
    """Return one sentence for the table where nothing is wrong in the layer 'driver for toolkit' or 'architectures'."""
    driver = driver_of(info) or "(version unknown)"
    if layer == "architectures":
        known = {gpu["compute_capability"] for gpu in info["gpus"] if gpu.get("compute_capability")}
        kinds = ", ".join(sorted(known)) or "unknown"
        return f"What is installed has code for the GPUs (compute capability {kinds})."
    if compatible:
        return f"The driver {driver} runs CUDA up to {driver_cuda(compatible)} with the compatibility package."
    some = "toolkits and environments" if toolkits and environments else "toolkits" if toolkits else "environments"
    return (
        f"The driver {driver} suits the {some} on the host." if toolkits or environments else f"The driver is {driver}."
    )
