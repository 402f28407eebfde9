# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a stack fits a host's driver and GPUs. Pure; no Ansible import.

host   what the module gpu_info returns.
want   {"stack": name, "variant": name,
        "cuda": release of the toolkit that is to be installed, or "",
        "oldest_driver": what the stack itself says, or "",
        "wheels": {name: {"version",
                          "cuda": the release that it was made with, or "",
                          "architectures": [texts of _gpu_targets]}}}
        A name is the distribution's, perhaps with more words behind it.

A problem is {"code", "severity": REFUSE or WARN, "what", "why", "cure"}; each of the last three is one sentence or "".
"""

from __future__ import annotations

from ._gpu_tables import (
    capability,
    compiler_targets,
    driver_cuda,
    last_driver,
    numbers,
    oldest_driver,
    releases,
    toolkit_driver,
)
from ._gpu_targets import MACHINE, NONE, PTX, listed, runs, spelled

REFUSE, WARN = "refuse", "warn"

#: What a GPU box is for; where another distribution has no code for the GPU, the rest of the box still computes on it.
FRAMEWORKS = frozenset({"torch", "tensorflow", "jaxlib"})


def fit(host, want):
    """Return the problems of a stack on a host, those that refuse it first. A host that is no GPU box has none."""
    if host.get("kind") != "gpu":
        return []
    gpus = known_gpus(host)
    driver = driver_of(host)
    found = [*_driver(driver, gpus, want), *_wheels(host, driver, gpus, want), *_toolkit(driver, gpus, want)]
    return sorted(found, key=lambda problem: problem["severity"] != REFUSE)


def refused(problems):
    """Tell whether one of these problems refuses the stack."""
    return any(problem["severity"] == REFUSE for problem in problems)


def driver_of(host):
    """Return the version of the driver that is loaded, else of the one that is installed, else ''."""
    driver = host.get("driver") or {}
    return driver.get("version") or driver.get("nvml") or driver.get("library") or ""


def known_gpus(host):
    """Return [(name, compute capability)] of the GPUs that NVIDIA's driver has, those whose capability is known."""
    found = []
    for gpu in host.get("gpus") or []:
        if gpu.get("driver") not in (None, "", "nvidia") or gpu.get("lost"):
            continue
        known = gpu.get("compute_capability") or capability(gpu.get("device", ""), gpu.get("name", ""))
        if known:
            found.append((gpu.get("name") or f"GPU {gpu.get('device') or gpu.get('address')}", known))
    return found


def _driver(driver, gpus, want):
    """Yield that the driver is too old for the wheels: minor-version compatibility is all that they need."""
    needs = [(want.get("oldest_driver", ""), f"stack {want['stack']}")]
    for name, wheel in want["wheels"].items():
        release = ".".join(wheel["cuda"].split(".")[:2])
        needs.append((oldest_driver(release), f"{title(name, wheel)}, made with CUDA {release},"))
    oldest, who = max(needs, key=lambda need: numbers(need[0]))
    if _older(driver, oldest):
        yield _problem(
            "driver-too-old",
            REFUSE,
            f"The driver {driver} is too old: {who} needs {oldest} or newer.",
            _supports(driver),
            _newer_driver(oldest, gpus),
        )


def _wheels(host, driver, gpus, want):
    """Yield what each wheel's code, and the driver that must compile it, is to the GPUs."""
    supported = (host.get("driver") or {}).get("cuda") or driver_cuda(driver)
    held = {name: wheel for name, wheel in want["wheels"].items() if wheel["architectures"]}
    computes = any(
        _is_framework(name) and any(runs(wheel["architectures"], gpu[1]) == MACHINE for gpu in gpus)
        for name, wheel in held.items()
    )
    compiled = {}
    for name, wheel in held.items():
        who = title(name, wheel)
        none, ptx = ([gpu for gpu in gpus if runs(wheel["architectures"], gpu[1]) == way] for way in (NONE, PTX))
        if none:
            severity = _severity(name, none, gpus)
            yield _problem(
                "no-architecture",
                severity,
                f"{who} cannot run on {_named(none)}.",
                f"Its wheel holds {spelled(wheel['architectures'])}.",
                "" if severity == REFUSE else "Let programs that use it see other GPUs only (CUDA_VISIBLE_DEVICES).",
            )
        if ptx and (driver or supported) and numbers(supported) < numbers(wheel["cuda"])[:2]:
            yield _problem(
                "ptx-needs-driver",
                # That it was made by just that release is taken from the wheel's word; where another framework does
                # compute, that is no ground to stop the box.
                WARN if computes else _severity(name, none + ptx, gpus),
                f"{who} has only PTX for {_named(ptx)}, and the driver {driver} cannot compile it.",
                f"It was made with CUDA {wheel['cuda']}, the driver supports {supported or 'none of those known'}.",
                _newer_driver(toolkit_driver(wheel["cuda"]), ptx),
            )
        elif ptx:
            compiled.setdefault(_named(ptx), []).append(who)
    for some, names in compiled.items():
        yield _problem(
            "ptx-only",
            WARN,
            f"{listed(names)} {'have' if len(names) > 1 else 'has'} only PTX for {some}.",
            "The driver compiles it when a program starts for the first time, which may take many minutes.",
            "",
        )


def _toolkit(driver, gpus, want):
    """Yield what the toolkit's compiler and its driver are to the GPUs and to the driver that is there."""
    cuda = want["cuda"]
    if not numbers(cuda):
        return
    oldest, own = oldest_driver(cuda), toolkit_driver(cuda)
    if _older(driver, oldest):
        yield _problem(
            "driver-too-old-for-toolkit",
            REFUSE,
            f"The driver {driver} is too old: what the toolkit of CUDA {cuda} makes needs {oldest} or newer.",
            _supports(driver),
            _newer_driver(oldest, gpus),
        )
    elif _older(driver, own):
        yield _problem(
            "driver-older-than-toolkit",
            WARN,
            f"The driver {driver} is older than {own}, which CUDA {cuda}'s release notes ask for.",
            "Minor-version compatibility lets its programs run, but not those that its nvcc makes as PTX alone.",
            "",
        )
    targets = compiler_targets(cuda)
    unable = [gpu for gpu in gpus if targets and runs(targets, gpu[1]) != MACHINE]
    older = [gpu for gpu in unable if numbers(gpu[1]) < numbers(targets[0])]
    newer = [gpu for gpu in unable if gpu not in older]
    for code, some in (("toolkit-dropped-gpu", older), ("toolkit-before-gpu", newer)):
        if some:
            yield _problem(
                code,
                REFUSE if len(some) == len(gpus) else WARN,
                f"The compiler of CUDA {cuda} makes no machine code for {_named(some)}.",
                f"It makes code for {targets[0]} to {targets[-1]}.",
                f"{_able(some)}: set cuda_version, or cuda_version=none for no toolkit.",
            )


def _severity(name, some, gpus):
    """Refuse where a framework has none of the GPUs: an old card for a display must not stop the box."""
    return REFUSE if _is_framework(name) and len(some) == len(gpus) else WARN


def _is_framework(name):
    return name.split(" ")[0] in FRAMEWORKS


def _older(driver, than):
    return bool(driver) and numbers(driver) < numbers(than)


def _supports(driver):
    return f"It supports CUDA up to {driver_cuda(driver) or 'a release before 10.2'}."


def _able(gpus):
    """Return which CUDA releases make code for all of these GPUs, as far as the tables know."""
    known = releases()
    able = [release for release in known if all(runs(compiler_targets(release), gpu[1]) == MACHINE for gpu in gpus)]
    if not able:
        return "No single CUDA release makes code for all of them"
    if able[-1] == known[-1]:
        return f"CUDA {able[0]} and newer do"
    return f"CUDA {able[0]} to {able[-1]} do" if len(able) > 1 else f"CUDA {able[0]} does"


def _newer_driver(oldest, gpus):
    """Return the cure of a driver that is too old; some GPUs have a last driver."""
    for gpu in gpus:
        last = last_driver(gpu[1])
        if last and numbers(last) < numbers(oldest)[:1]:
            return f"No driver that new drives {_named([gpu])}: the last branch for it is {last}."
    return f"Install a driver {oldest} or newer and restart the machine."


def title(name, wheel):
    """Return a wheel's name and version."""
    distribution, _space, more = name.partition(" ")
    return " ".join(filter(None, (distribution, wheel.get("version"), more)))


def _named(gpus):
    """Return GPUs as a sentence lists them: '8 NVIDIA A100-SXM4-40GB (compute capability 8.0)'."""
    counted = {}
    for gpu in gpus:
        counted[gpu] = counted.get(gpu, 0) + 1
    return listed(
        f"{str(count) + ' ' if count > 1 else ''}{name} (compute capability {known})"
        for (name, known), count in counted.items()
    )


def _problem(code, severity, what, why, cure):
    return {"code": code, "severity": severity, "what": what, "why": why, "cure": cure}
