# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One look at a host's GPUs: every source at once, each bounded, none needed. No Ansible import, and it never raises.

Files are read first, which takes milliseconds; they tell whether there is anything to ask. NVML, nvidia-smi and
systemd are asked in children, side by side, so that the look ends a little after one timeout even where all of them
hang.
"""

from __future__ import annotations

import time

from . import (
    _gpu_boot,
    _gpu_bounded,
    _gpu_fabric,
    _gpu_findings,
    _gpu_kernel,
    _gpu_library,
    _gpu_nvml,
    _gpu_packages,
    _gpu_pci,
    _gpu_smi,
    _gpu_state,
    _gpu_structure,
)
from ._gpu_bounded import OK, SKIPPED
from ._gpu_root import exists, read_text

# nvidia-smi is asked besides where NVML has not answered after this part of the timeout.
_SECOND_OPINION = 0.3
# What is begun after another source has ended must have ended after this many timeouts.
_LAST = 1.5
_NOTHING = {
    "pci": {"visible": False, "gpus": [], "nvswitches": 0},
    "kernel": {"loaded": False, "version": "", "open": False, "device_files": [], "reachable": False},
    "library": {"path": "", "version": "", "others": []},
    "packages": {
        "known": False,
        "packages": [],
        "fabricmanager": "",
        "runfile": False,
        "unattended": {"enabled": False, "excludes_driver": False, "packages": []},
    },
    "boot": {"secure_boot": "unknown", "switched_off": "", "reboot": {}},
}
_MARKS_OF_CONTAINERS = ("/.dockerenv", "/run/.containerenv", "/run/systemd/container")


def look(root="/", timeout=5.0, everything=False):
    """Return what gpu_info does: the structure, its findings, and what the host is by them.

    root: where the host's files lie; timeout: seconds for each source; everything: also ask sources that are not needed
    because others answered, or that would load the kernel module.
    """
    began = time.monotonic()
    seen = {
        "pci": _seen(_gpu_pci, root, "pci"),
        "kernel": _seen(_gpu_kernel, root, "kernel"),
        "library": _seen(_gpu_library, root, "library"),
        "packages": _seen(_gpu_packages, root, "packages"),
        "boot": _seen(_gpu_boot, root, "boot"),
        "container": _is_container(root),
    }
    if seen["pci"]["status"] == "ok" and not seen["pci"]["visible"]:
        seen["pci"].update({"status": "absent", "detail": "there is no PCI bus to be seen"})
    if not seen["kernel"]["loaded"] and seen["kernel"]["status"] == "ok":
        seen["kernel"].update({"status": "absent", "detail": "NVIDIA's kernel module is not loaded"})
    _ask(seen, root, timeout, everything, began)
    host = _gpu_structure.merge(seen)
    host["findings"] = _gpu_findings.find(host)
    host.update(_gpu_state.judge(host, host["findings"]))
    return host


def _seen(source, root, name):
    """Return what a source of files sees, or nothing where it fails: the others go on."""
    started = time.monotonic()
    found = {"status": "ok", "detail": ""}
    try:
        found.update(source.look(root))
    except Exception as error:  # whatever a damaged host makes of a file
        found.update(_nothing(name))
        found.update({"status": "failed", "detail": f"{type(error).__name__}: {error}"})
    found["seconds"] = round(time.monotonic() - started, 3)
    return found


def _nothing(name):
    found = dict(_NOTHING[name])
    if name == "boot":
        found["reboot"] = _gpu_boot.nothing_known()
    return found


def _ask(seen, root, timeout, everything, began):
    """Ask what may hang, and put what was said into `seen`."""
    anything = bool(seen["pci"]["gpus"] or seen["pci"]["nvswitches"] or seen["kernel"]["reachable"])
    why = ""
    if not anything:
        why = "there is no GPU and no driver"
    elif not seen["kernel"]["reachable"]:
        why = "the kernel module is not loaded, and asking would load it"
    asking = everything or not why
    nvml = _gpu_nvml.start(root, timeout, seen["library"]["path"]) if asking else None
    wants_fabric = seen["pci"]["nvswitches"] or seen["packages"]["fabricmanager"]
    fabric = _gpu_fabric.start(root, timeout) if wants_fabric else None
    smi = _gpu_smi.start(root, timeout) if asking and everything else None
    if asking:
        _gpu_bounded.wait([nvml], until=None if smi else time.monotonic() + _SECOND_OPINION * timeout)
        if smi is None and not (nvml.outcome and _gpu_nvml.result(nvml)["status"] == OK):
            smi = _gpu_smi.start(root, timeout)
            _wait_for_either(nvml, smi)
    _gpu_bounded.wait([job for job in (nvml, smi, fabric) if job])
    seen["nvml"] = _gpu_nvml.result(nvml) if nvml else _skipped(why)
    seen["smi"] = _second(seen["nvml"], smi, asking, why)
    listing = _gpu_smi.start_list(seen["smi"], root, max(0.2, began + _LAST * timeout - time.monotonic()))
    if listing:
        _gpu_bounded.wait([listing])
        _gpu_smi.add_list(seen["smi"], listing)
    seen["fabric"] = _gpu_fabric.result(root, fabric) if wants_fabric else _no_fabric()
    seen["excluded"] = _excluded(seen, root)


def _excluded(seen, root):
    """Return the addresses of the GPUs that the driver, which answers, was told to leave alone."""
    if OK not in (seen["nvml"]["status"], seen["smi"]["status"]):
        return []
    told = {gpu["address"] for source in ("nvml", "smi") for gpu in seen[source]["gpus"]}
    cards = [card["address"] for card in seen["pci"]["gpus"] if card["driver"] == "nvidia"]
    return [address for address in cards if address not in told and _gpu_kernel.is_excluded(root, address)]


def _wait_for_either(nvml, smi):
    """Wait for both, but no longer for nvidia-smi once NVML has answered after all."""
    jobs = [job for job in (nvml, smi) if job]
    while not _gpu_bounded.wait(jobs, until=time.monotonic() + 0.05):
        if smi and not smi.outcome and nvml.outcome and _gpu_nvml.result(nvml)["status"] == OK:
            smi.stop("NVML answered")
            return


def _second(nvml, smi, asking, why):
    if not asking:
        return _skipped(why)
    if smi is None and nvml["status"] == OK:
        return _skipped("NVML answered")
    found = _gpu_smi.result(smi)
    if smi and smi.outcome.status == SKIPPED:
        found.update(_skipped(smi.outcome.detail))
    return found


def _skipped(why):
    found = _gpu_smi.result(None)
    found.update({"status": SKIPPED, "detail": why})
    return found


def _no_fabric():
    return {
        "status": SKIPPED,
        "detail": "there is no NVSwitch",
        "seconds": 0.0,
        "running": None,
        "state": "",
        "installed": False,
    }


def _is_container(root):
    return any(exists(root, path) for path in _MARKS_OF_CONTAINERS) or "container=" in read_text(
        root, "/proc/1/environ", 1 << 16
    )
