# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether each framework of the live environments computes on the GPU, by letting it.

It runs in the environment's own Python as an unprivileged user, without network, within bounds, with the variables that
a login sets: what a person on the box meets. One at a time: a GPU may be set to take one process only.
"""

from __future__ import annotations

import json
import os
import re
import stat
import time

from . import _doctor_probe
from ._gpu_codes import finding
from ._gpu_root import names, place, resolve
from ._own_source import source_of
from ._smoke_check import Check
from ._smoke_confine import confinement
from ._smoke_folder import PLACE, clear, run_folder
from ._smoke_home import environment as clean_environment
from ._smoke_home import find_owner, make_home
from ._smoke_network import why_not_cut_off
from ._smoke_process import POLL, Running

#: What a login may set and a framework, the CUDA runtime or the dynamic linker looks at.
_LOGIN = re.compile(r"(CUDA_|NVIDIA_|TF_|XLA_|JAX_|PYTORCH_|CUPY_).*|LD_LIBRARY_PATH|LD_PRELOAD")
#: Lines of a framework's log that say why it has no GPU, the most telling first.
_TELLING = (
    re.compile(r"Could not load dynamic library '[^']+'"),
    re.compile(r"failed call to cuInit|CUDA_ERROR_\w+|cudaError\w+|CUDA (?:driver|unknown|initialization)|Error \d{3}"),
    re.compile(r"Cannot dlopen|Cannot find cuda drivers|No GPU|falling back to cpu|no CUDA-capable", re.IGNORECASE),
)
#: What TensorFlow and JAX write before each line: when, how bad, and where in their source.
_PREFIX = re.compile(r"^(\d{4}-\d\d-\d\d \S+ )?([IWEF]\d* \S+.*?\] |[A-Z]+:\S+ \S+:\d+: )")
#: The GPU works and is taken: by memory, or by a process that has it alone.
_BUSY = re.compile(r"out of memory|OUT_OF_MEMORY|busy or unavailable|RESOURCE_EXHAUSTED|DevicesUnavailable")
_MOST_READ = 256 * 1024  # bytes of a log's end


def look(environments, root="/", variables=(), timeout=180, user="nobody", scratch=PLACE):
    """Return how each framework did: dicts with `environment`, `framework`, `version` and `status`.

    status: 'works', 'cpu-build', 'on-cpu', 'wrong', 'fails', 'busy' or 'hangs'. Further keys: `gpus` (names as the
    framework has them), `words` (its own, on what went wrong), `seconds`, `hidden_by` (the file that sets
    CUDA_VISIBLE_DEVICES for everybody, or ''), `lacks` (libraries that it takes from the host and does not find).

    environments: of _doctor_environments.look; variables: of _login_variables.look; timeout: seconds for one framework;
    user: as whom they run where the caller is root; scratch: a folder for their homes.
    """
    found = []
    owner = find_owner(user)
    cut_off = not why_not_cut_off()
    hidden_by = next((one["file"] for one in variables if _hides(one)), "")
    with run_folder(scratch) as folder:
        for environment in environments:
            for framework in environment.get("frameworks", ()):
                result = {
                    "environment": environment["name"],
                    "framework": framework["name"],
                    "version": framework["version"],
                    "gpus": [],
                    "words": "",
                    "seconds": 0.0,
                    "hidden_by": hidden_by,
                    "lacks": framework.get("lacks", []),
                }
                if framework["cpu_only"]:
                    result["status"] = "cpu-build"
                else:
                    # Itself a link, whose place tells Python which environment it is in.
                    python = place(root, environment["python"])
                    home = os.path.join(folder, str(len(found)))
                    result.update(_try(python, framework["name"], home, owner, cut_off, variables, timeout, root))
                found.append(result)
    return found


def _hides(variable):
    """Whether a variable keeps all GPUs from programs (CUDA C++ Programming Guide, "CUDA Environment Variables")."""
    return variable["name"] == "CUDA_VISIBLE_DEVICES" and not re.match(r"\d|GPU-|MIG-", variable["value"])


def _try(python, framework, home, owner, cut_off, variables, timeout, root):
    make_home(home, owner)
    script = f"{source_of(_doctor_probe)}\n\nmain({framework!r})\n"
    check = Check(name=framework, script=script, distribution=framework, timeout=timeout)
    # The driver's own setuid program makes the device files of a GPU that nobody has used since the start.
    confine = confinement(None if os.geteuid() else owner, not cut_off, _groups(root), may_gain=True)
    login = {one["name"]: one["value"] for one in variables if _LOGIN.fullmatch(one["name"])}
    told = {**clean_environment(home, python, owner, 2), **login, "TF_CPP_MIN_LOG_LEVEL": "0"}
    running = Running(python, check, home, owner, told, network=not cut_off, confine=confine)
    outcome = None
    try:
        while outcome is None:
            outcome = running.poll()
            if outcome is None:
                time.sleep(POLL)
    except BaseException:
        running.kill()
        raise
    result = read(outcome[0], _log(f"{home}.err"))
    clear(home)
    return {**result, "seconds": outcome[2]}


def _groups(root):
    """The groups that a person must be in to open the GPUs' device files, where not everybody may."""
    found = set()
    for name in names(root, "/dev"):
        if re.match(r"nvidia(\d+|ctl|-uvm)\Z", name):
            try:
                status = os.stat(resolve(root, f"/dev/{name}"))
            except OSError:
                continue
            if stat.S_IMODE(status.st_mode) & 0o066 == 0o060:
                found.add(status.st_gid)
    return sorted(found)


def _log(path):
    try:
        with open(path, "rb") as stream:
            stream.seek(0, os.SEEK_END)
            stream.seek(max(0, stream.tell() - _MOST_READ))
            return stream.read().decode("utf-8", "replace")
    except OSError:
        return ""


def read(problem, log):
    """Return `status`, `gpus` and `words` of a process that ended. problem: '' or why it failed; log: its stderr."""
    said, _mark, answer = log.rpartition(_doctor_probe.MARK)
    try:
        found = json.loads(answer) if said or answer else {}
    except ValueError:
        found = {}
    if not isinstance(found, dict) or "framework" not in found:
        words = _telling(log) or problem or "it ended without an answer"
        return {"status": "hangs" if problem.startswith("no answer") else "fails", "gpus": [], "words": words}
    gpus = found.get("gpus") or []
    if found.get("cpu_build"):
        return {"status": "cpu-build", "gpus": [], "words": ""}
    error = found.get("error", "")
    if error:
        if _BUSY.search(error):
            return {"status": "busy", "gpus": gpus, "words": error}
        # Frameworks raise where there is no GPU, and where one fails: only the first is silence elsewhere.
        return {"status": "on-cpu" if _is_absence(error) else "fails", "gpus": gpus, "words": error}
    if not gpus:
        return {"status": "on-cpu", "gpus": [], "words": _telling(said)}
    if found.get("wrong"):
        return {"status": "wrong", "gpus": gpus, "words": "; ".join(found["wrong"])}
    return {"status": "works", "gpus": gpus, "words": ""}


def _is_absence(error):
    return bool(
        re.search(
            r"No CUDA GPUs|No NVIDIA driver|Found no NVIDIA driver|driver on your system is too old|CUDA unknown error|"
            r"Unknown backend|no platforms|cudaErrorNoDevice|cudaErrorInsufficientDriver|no CUDA-capable|"
            r"unexpected error from cudaGetDeviceCount",
            error,
        )
    )


def _telling(log):
    """The line of a log that says most about why there is no GPU, shortened; '' where none does."""
    lines = [_PREFIX.sub("", " ".join(line.split())) for line in log.splitlines() if line.strip()]
    for pattern in _TELLING:
        for line in lines:
            if pattern.search(line):
                return line[:300]
    return ""


def judge(results, environments=()):
    """Return the findings of what look saw. environments: of _doctor_environments.look."""
    found = []
    for environment in environments:
        if environment.get("missing"):
            found.append(
                finding(
                    "environment-not-live",
                    f"The environment {environment['name']} cannot be tried: {environment['missing']}.",
                    "Make it with the playbook site.",
                )
            )
    return found + [_JUDGED[result["status"]](result) for result in results if result["status"] != "works"]


def _who(result):
    return f"{result['framework']} {result['version']} of the environment {result['environment']}"


def _cpu_build(result):
    return finding(
        "framework-cpu-build",
        f"{_who(result)} was built without CUDA and computes on the CPU alone.",
        "Install the stack's variant for GPUs: pip_stack_variant=cuda with the playbook site.",
    )


def _on_cpu(result):
    hidden = f" ({result['hidden_by']} sets CUDA_VISIBLE_DEVICES)" if result["hidden_by"] else ""
    words = f", and says: {result['words'].rstrip('.')}" if result["words"] else ", and does not say why"
    return finding(
        "framework-on-cpu",
        f"{_who(result)} sees no GPU and computes on the CPU{hidden}{words}.",
        f"Take CUDA_VISIBLE_DEVICES out of {result['hidden_by']} and log in again."
        if result["hidden_by"]
        else _cure(result),
    )


def _wrong(result):
    return finding(
        "framework-wrong",
        f"{_who(result)} computes wrongly on {result['words'].rstrip('.')}.",
        "Take the GPU out of use and have it tested (`nvidia-smi -q -d ECC`, DCGM's `dcgmi diag`).",
    )


def _fails(result):
    return finding(
        "framework-fails",
        f"{_who(result)} fails on the GPU, and says: {result['words'].rstrip('.')}.",
        _cure(result),
    )


def _hangs(result):
    return finding(
        "framework-hangs",
        f"{_who(result)} does not answer ({result['words'].rstrip('.')}).",
        "Look for Xid in `dmesg`, end what else uses the GPU, and restart the machine where nothing helps.",
    )


def _busy(result):
    return finding(
        "gpu-busy",
        f"{_who(result)} could not be tried, as the GPU is in use: {result['words'].rstrip('.')}.",
        "Ask again when the GPU is free.",
    )


#: What a framework's words are about -> the cure.
_CURES = (
    (r"libcudnn|CUDNN|cuDNN", "Install the cuDNN that it wants with the playbook site (role cudnn)."),
    (
        r"Could not load dynamic library|cannot open shared object|Cannot dlopen",
        "Install CUDA's libraries for it: a stack whose wheels bring them, or the roles cuda and cudnn.",
    ),
    (r"no kernel image", "Take a stack whose wheels have code for this GPU (see the layer architectures)."),
    (r"too old|InsufficientDriver|insufficient", "Install a newer driver, or a stack for an older CUDA release."),
    (r"Error 802|not yet initialized|SYSTEM_NOT_READY", "Start nvidia-fabricmanager, in the driver's very version."),
    (r"Error 804|forward compat", "Remove the package cuda-compat, or restart after the driver's upgrade."),
    (
        r"unknown error|CUDA_ERROR_UNKNOWN",
        "Load the module nvidia-uvm with `nvidia-modprobe -u`, or restart the machine.",
    ),
    (
        r"Unknown backend|no platforms|CUDA-enabled jaxlib",
        "Install the JAX that has CUDA (the stack's variant for GPUs).",
    ),
)


def _cure(result):
    if result["lacks"]:
        return (
            f"Install {' and '.join(result['lacks'])} with the playbook site (roles cuda and cudnn), or take a stack "
            "whose wheels bring CUDA's libraries with them."
        )
    for pattern, cure in _CURES:
        if re.search(pattern, result["words"]):
            return cure
    return "Run it by hand with `mlbox run python`, and look for Xid in `dmesg`."


_JUDGED = {
    "cpu-build": _cpu_build,
    "on-cpu": _on_cpu,
    "wrong": _wrong,
    "fails": _fails,
    "hangs": _hangs,
    "busy": _busy,
}


def text(results):
    """Return one sentence for the table where nothing is wrong."""
    works = [result for result in results if result["status"] == "works"]
    if not works:
        return "No environment with a framework is live." if not results else "No framework could be tried."
    named = ", ".join(f"{result['framework']} {result['version']}" for result in works)
    return f"{named} {'computes' if len(works) == 1 else 'compute'} on the GPU as on the CPU."
