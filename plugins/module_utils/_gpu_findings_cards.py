# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings of the layers gpu and fabric: the driver answers, and a GPU is not well. Pure; no Ansible import."""

from __future__ import annotations

from ._gpu_codes import finding
from ._gpu_errors import GPU_IS_LOST, GPU_NOT_FOUND, INSUFFICIENT_POWER, RESET_REQUIRED, SUCCESS
from ._gpu_structure import EXCLUDED, NO_ANSWER, NOT_KNOWN
from ._gpu_throttle import TROUBLE
from ._gpu_versions import version_key
from ._gpu_words import listed, named, why_not_driven

_POWER_CYCLE = "See `dmesg | grep Xid`, switch the machine off and on, and where it comes again have the card replaced."


def find_cards(host):
    """Each GPU that fails, and what is about to."""
    gpus = [gpu for gpu in host["gpus"] if gpu["driver"] in ("", "nvidia")]
    if not host["driver"]["loaded"] and host["sources"]["nvml"]["status"] != "ok":
        return []
    return _failing(host, gpus) + _memory(gpus) + _mig(gpus) + _slow(gpus)


def _failing(host, gpus):
    found = []
    codes = (host["sources"]["nvml"]["code"], host["sources"]["smi"]["code"])
    lost = [gpu for gpu in gpus if gpu["lost"]] or (gpus if GPU_IS_LOST in codes else [])
    if lost:
        some = named(lost) if len(lost) == 1 or lost[0]["lost"] else f"One of the {named(lost)}"
        text = f"{some} is lost: the driver gets no answer from there any more, as when a card falls off the bus."
        found.append(finding("gpu-lost", _plural(text, lost), _POWER_CYCLE))
    reset = [gpu for gpu in gpus if gpu["code"] == RESET_REQUIRED] or (gpus if RESET_REQUIRED in codes else [])
    if reset:
        text = f"{named(reset)} must be reset before it can be used again."
        numbers = ",".join(str(gpu["index"]) for gpu in reset if gpu["index"] is not None)
        cure = f"Run `nvidia-smi --gpu-reset{' -i ' if numbers else ''}{numbers}` while nothing uses it, or restart."
        found.append(finding("gpu-needs-reset", text, cure))
    silent = [gpu for gpu in gpus if gpu["code"] is None and gpu["error"] == NO_ANSWER]
    if silent:
        text = f"{named(silent)} does not answer, and holds up whoever asks: {host['sources']['nvml']['detail']}."
        found.append(finding("gpu-hangs", _plural(text, silent), _POWER_CYCLE))
    found += _not_initialized(host, gpus)
    others = [gpu for gpu in gpus if gpu["code"] not in (None, SUCCESS, RESET_REQUIRED) and not gpu["lost"]]
    if others:
        text = f"{named(others)} fails: NVML says {listed(sorted({gpu['error'] for gpu in others}))!r}."
        cure = (
            "See `dmesg | grep -e NVRM -e Xid`, restart the machine, and where it comes again have the card replaced."
        )
        if any(gpu["code"] == INSUFFICIENT_POWER for gpu in others):
            cure = "Attach the card's own power cables, and restart the machine."
        found.append(finding("gpu-fails", _plural(text, others), cure))
    return found


def _not_initialized(host, gpus):
    driver = host["driver"]
    none = GPU_NOT_FOUND in (host["sources"]["nvml"]["code"], host["sources"]["smi"]["code"])
    unknown = [
        gpu for gpu in gpus if gpu["driver"] == "nvidia" and gpu["code"] is None and (none or gpu["error"] == NOT_KNOWN)
    ]
    excluded = [gpu for gpu in gpus if gpu["error"] == EXCLUDED]
    if excluded and not unknown:
        text = f"The driver was told to leave {named(excluded)} alone (NVreg_ExcludedGpus)."
        return [finding("gpu-excluded", text, "Nothing to do where that is meant so; else see /etc/modprobe.d.")]
    if not unknown:
        return []
    text = f"NVIDIA's driver {driver['version']} has {named(unknown)} and could not initialize it"
    why, instead = why_not_driven(unknown[0], driver)
    if why:
        return [finding("gpu-not-initialized", f"{text}: {why}.", f"{instead}, and restart the machine.")]
    cure = (
        "See `dmesg | grep -e NVRM -e Xid` (RmInitAdapter failed), switch the machine off and on, see to the card's "
        "seat and power, and where it comes again try another driver, then another card."
    )
    return [finding("gpu-not-initialized", f"{text}.", cure)]


def _memory(gpus):
    found = []
    failing = [gpu for gpu in gpus if gpu["ecc"]["repair"] == "failed"]
    if failing:
        text = f"The memory of {named(failing)} has more faults than can be repaired."
        found.append(finding("memory-failing", text, "Have the card replaced."))
    waits = [gpu for gpu in gpus if gpu["ecc"]["repair"] == "pending"]
    if waits:
        text = f"A repair of the memory of {named(waits)} waits for its next reset."
        cure = "Reset the GPU (`nvidia-smi --gpu-reset`) or restart the machine."
        found.append(finding("memory-repair-pending", text, cure))
    errors = [gpu for gpu in gpus if gpu["ecc"]["uncorrected"] and gpu not in failing and gpu not in waits]
    if errors:
        text = f"The memory of {named(errors)} had errors that could not be corrected since the driver was loaded."
        cure = "Restart the machine, and where they come again test the card (`dcgmi diag -r 3`) or have it replaced."
        found.append(finding("memory-errors", text, cure))
    change = [gpu for gpu in gpus if _waits(gpu["ecc"])]
    if change:
        text = f"ECC of {named(change)} is to be switched at the next reset."
        found.append(finding("ecc-change-pending", text, "Restart the machine when it suits."))
    return found


def _mig(gpus):
    found = []
    change = [gpu for gpu in gpus if _waits(gpu["mig"])]
    if change:
        text = f"MIG of {named(change)} is to be switched at the next reset."
        cure = "Reset the GPU (`nvidia-smi --gpu-reset`) or restart the machine, then create the instances."
        found.append(finding("mig-change-pending", text, cure))
    empty = [gpu for gpu in gpus if gpu["mig"]["enabled"] and not gpu["mig"]["instances"] and not gpu["lost"]]
    if empty:
        code = "mig-without-instances" if len(empty) == len(gpus) else "some-mig-without-instances"
        text = f"{named(empty)} is in MIG mode and has no instance, so no program can compute on it."
        cure = "Create instances (`nvidia-smi mig -cgi 9,9 -C`), or leave the mode (`nvidia-smi -mig 0`)."
        found.append(finding(code, _plural(text, empty), cure))
    return found


def _slow(gpus):
    found = []
    slow = [gpu for gpu in gpus if set(gpu["throttle"]) & set(TROUBLE)]
    if slow:
        reasons = sorted({reason for gpu in slow for reason in gpu["throttle"] if reason in TROUBLE})
        how = listed(sorted({TROUBLE[reason] for reason in reasons}))
        text = f"{named(slow)} is slowed down {how} ({', '.join(reasons)})."
        cure = "See to the machine's cooling and power supply."
        found.append(finding("gpu-slowed-down", _plural(text, slow), cure))
    corrupted = [gpu for gpu in gpus if gpu["inforom_corrupted"]]
    if corrupted:
        text = f"The infoROM of {named(corrupted)} is corrupted, which holds settings and counters."
        found.append(finding("inforom-corrupted", text, "It computes all the same, but have the vendor look at it."))
    return found


def _waits(mode):
    return None not in (mode["enabled"], mode["pending"]) and mode["enabled"] != mode["pending"]


def _plural(text, gpus):
    """Put the first verb of a sentence into the plural where it is about several GPUs."""
    if len(gpus) == 1:
        return text
    for one, many in ((" is ", " are "), (" does ", " do "), (" fails", " fail"), (" has ", " have ")):
        if one in text:
            return text.replace(one, many, 1)
    return text


def find_fabric(host):
    """GPUs behind NVSwitches, whose Fabric Manager is not there, not of the driver's version, or not at work."""
    fabric, driver = host["fabric"], host["driver"]
    if not host["nvswitches"] or host["container"]:
        # In a container it is the machine's, and not to be seen from here.
        if fabric["state"] in ("not started", "in progress") or fabric["state"].startswith("failed"):
            text = (
                f"The GPUs' registration with an NVLink fabric is {fabric['state']!r}, and no Fabric Manager is here."
            )
            cure = (
                "See that the Fabric Manager runs where the switches are, as on the host of this machine or container."
            )
            return [finding("fabric-unsettled", text, cure)]
        return []
    switches = "an NVSwitch" if host["nvswitches"] == 1 else f"{host['nvswitches']} NVSwitches"
    version = driver["version"]
    package = "nvidia-fabricmanager" + (f"-{driver['branch']}" if version_key(version) < version_key("580") else "")
    install = f"`apt install '{package}={version}*'`"
    start = "`systemctl enable --now nvidia-fabricmanager`"
    if not fabric["installed"] and not fabric["running"] and fabric["state"] != "completed":
        text = (
            f"The GPUs are behind {switches}, and the Fabric Manager is not there, without which CUDA says error 802."
        )
        return [finding("fabricmanager-missing", text, f"Run {install} and {start}.")]
    if fabric["version"] and version and fabric["version"] != version:
        text = f"The Fabric Manager is of {fabric['version']} and the driver of {version}, and they must be the same."
        return [finding("fabricmanager-version", text, f"Run {install} and `systemctl restart nvidia-fabricmanager`.")]
    if fabric["running"] is False and fabric["state"] == "completed":
        text = "The Fabric Manager does not run, and the GPUs that it registered are without it after their next reset."
        return [finding("fabricmanager-left", text, f"Run {start}, and see `journalctl -u nvidia-fabricmanager`.")]
    if fabric["running"] is False:
        text = (
            f"The GPUs are behind {switches}, and the Fabric Manager does not run, without which CUDA says error 802."
        )
        return [finding("fabricmanager-stopped", text, f"Run {start}, and see `journalctl -u nvidia-fabricmanager`.")]
    if fabric["state"] in ("not started", "in progress") or fabric["state"].startswith("failed"):
        text = f"The Fabric Manager runs, and the GPUs' registration with it is {fabric['state']!r}."
        cure = "Wait a minute and look again, then see `journalctl -u nvidia-fabricmanager` and restart it."
        return [finding("fabric-not-ready", text, cure)]
    if fabric["running"] is None and fabric["state"] != "completed":
        text = f"The GPUs are behind {switches}, and whether the Fabric Manager runs cannot be told."
        return [finding("fabricmanager-unknown", text, "See `systemctl status nvidia-fabricmanager`.")]
    return []
