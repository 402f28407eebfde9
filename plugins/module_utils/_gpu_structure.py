# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all sources saw of a host's GPUs, as one structure: gpu_info's, without the findings. Pure; no Ansible import.

The bus knows which cards there are, NVML or nvidia-smi what they are and do. They meet by PCI address. Of a GPU that
failed before it told its address NVML knows the index only; NVML numbers GPUs by address, so the index finds the
card.
"""

from __future__ import annotations

import copy
import re

from ._gpu_tables import capability, driver_cuda
from ._gpu_versions import branch

_API = re.compile(r"1\d\.(\d{3}\..*)")
_WORST_FIRST = ("failed", "not started", "in progress", "state", "completed")
#: What `error` says where NVML's words say nothing.
NO_ANSWER = "no answer about it"
NOT_KNOWN = "the driver does not know it"
NOT_GIVEN = "it is not given to this container or job"
EXCLUDED = "the driver was told to leave it alone"
#: What is known of a GPU of which nobody said a thing. `code`: NVML's return code about it, None where it was not
#: asked.
UNKNOWN_GPU = {
    "index": None,
    "uuid": "",
    "address": "",
    "device": "",
    "class": "",
    "driver": "",
    "name": "",
    "memory": None,
    "compute_capability": "",
    "mig": {"enabled": None, "pending": None, "instances": []},
    "ecc": {"enabled": None, "pending": None, "corrected": None, "uncorrected": None, "repair": ""},
    "temperature": None,
    "throttle": [],
    "processes": [],
    "fabric": "",
    "inforom_corrupted": False,
    "lost": False,
    "code": None,
    "error": "",
}
_SAID_OF_THE_CARD = (
    "index",
    "uuid",
    "name",
    "memory",
    "compute_capability",
    "mig",
    "ecc",
    "temperature",
    "throttle",
    "processes",
    "fabric",
    "lost",
    "code",
    "error",
)


def merge(seen):
    """Return the structure.

    seen: what each source returned, by its name: pci, kernel, library, nvml, smi, packages, boot, fabric; and
    `container`, whether the host is one.
    """
    nvml, smi, kernel, packages = seen["nvml"], seen["smi"], seen["kernel"], seen["packages"]
    version = kernel["version"] or nvml["driver"] or smi["driver"]
    gpus = merge_gpus(seen["pci"]["gpus"], nvml, smi, seen["excluded"], _all_given(seen))
    return {
        "driver": {
            "loaded": kernel["loaded"],
            "version": version,
            "open": kernel["open"],
            "library": seen["library"]["version"],
            "libraries_beside": seen["library"]["others"],
            "nvml": _own_version(nvml["nvml"] or smi["nvml"]),
            "branch": branch(version or seen["library"]["version"]),
            "cuda": nvml["cuda"] or smi["cuda"] or driver_cuda(version or seen["library"]["version"]),
            "packages": [{key: one[key] for key in one if key != "driver"} for one in packages["packages"]],
            "runfile": _by_runfile(seen),
            "device_files": kernel["device_files"],
            "switched_off": seen["boot"]["switched_off"],
        },
        "gpus": gpus,
        "nvswitches": seen["pci"]["nvswitches"],
        "fabric": _fabric(seen, gpus),
        "secure_boot": seen["boot"]["secure_boot"],
        "reboot": seen["boot"]["reboot"],
        "unattended_upgrades": packages["unattended"],
        "container": seen["container"],
        "sources": {
            name: {
                "status": seen[name]["status"],
                "detail": seen[name]["detail"],
                "seconds": seen[name]["seconds"],
                "code": seen[name].get("code"),
                "count": seen[name].get("count"),
            }
            for name in ("pci", "kernel", "nvml", "smi", "packages", "boot", "fabric")
        },
    }


def _all_given(seen):
    """Whether NVML must know every card on the bus.

    A container, or a job in a cgroup, sees the bus of its machine and has the device files of its own GPUs.
    """
    files = [name for name in seen["kernel"]["device_files"] if name[-1].isdigit()]
    cards = [card for card in seen["pci"]["gpus"] if card["driver"] == "nvidia"]
    return not seen["container"] and not 0 < len(files) < len(cards)


def merge_gpus(cards, nvml, smi, excluded=(), all_given=True):
    """Return the GPUs, by address: the cards on the bus, with what NVML, else nvidia-smi, says of each.

    cards: of _gpu_pci.look; nvml, smi: of the two sources; excluded: addresses that the driver was told to leave
    alone; all_given: whether NVML must know every card. A card that nvidia drives and that a source which answered
    does not know is one that the driver could not initialize: its `code` is None and its `error` says so.
    """
    found = {card["address"]: dict(copy.deepcopy(UNKNOWN_GPU), **card) for card in cards}
    said = {"nvml": nvml, "smi": smi}
    asked = [one for one in (nvml, smi) if one["status"] == "ok"] or [one for one in (nvml, smi) if one["gpus"]]
    nameless = []
    for number, source in enumerate(asked):
        driven = sorted(address for address, gpu in found.items() if gpu["driver"] == "nvidia")
        for one in source["gpus"]:
            address = one["address"] or _by_index(driven, one, source, found)
            if address:
                gpu = found.setdefault(address, dict(copy.deepcopy(UNKNOWN_GPU), address=address))
                _say(gpu, one, first=not number)
            elif not number:
                nameless.append(_say(copy.deepcopy(UNKNOWN_GPU), one, first=True))
    for source in said.values():
        _mark_hung(found, source)
    for address in smi.get("corrupted", []):
        if address in found:
            found[address]["inforom_corrupted"] = True
    if any(one["status"] == "ok" for one in asked):
        for gpu in found.values():
            if gpu["driver"] == "nvidia" and gpu["code"] is None and not gpu["error"]:
                gpu["error"] = EXCLUDED if gpu["address"] in excluded else NOT_KNOWN if all_given else NOT_GIVEN
    gpus = [found[address] for address in sorted(found)] + nameless
    for gpu in gpus:
        gpu["compute_capability"] = gpu["compute_capability"] or capability(gpu["device"], gpu["name"])
    return gpus


def _by_index(driven, one, source, found):
    """Return the address of a GPU that did not tell it: by its place among those that nvidia drives."""
    index = one["index"]
    if index is not None and source["count"] == len(driven) and index < len(driven):
        return driven[index]
    told = {other["address"] for other in source["gpus"]}
    left = [address for address in driven if address not in told and found[address]["code"] is None]
    return left[0] if left else ""


def _say(gpu, one, first):
    """Take over what a source says; of the second one only what the first left open."""
    for key in _SAID_OF_THE_CARD:
        if first or gpu[key] in (None, "", [], UNKNOWN_GPU.get(key)):
            gpu[key] = one[key]
    return gpu


def _mark_hung(found, source):
    """A GPU about which a source was asked when its time was up."""
    driven = sorted(address for address, gpu in found.items() if gpu["driver"] == "nvidia")
    index = source["hung"]
    if index is not None and source["count"] == len(driven) and index < len(driven):
        gpu = found[driven[index]]
        if gpu["code"] is None:
            gpu["index"] = index
            gpu["error"] = NO_ANSWER


def _by_runfile(seen):
    """NVIDIA's .run installer was used: it left its uninstaller, or the library is there and no package has it."""
    packages = seen["packages"]
    unowned = packages["known"] and not packages["packages"] and not seen["container"] and seen["library"]["version"]
    return bool(packages["runfile"] or unowned)


def _own_version(text):
    """Return the driver's version in NVML's: 12.535.104.05 is of 535.104.05."""
    match = _API.fullmatch(text)
    return match.group(1) if match else text


def _fabric(seen, gpus):
    states = {gpu["fabric"] for gpu in gpus if gpu["fabric"]}
    fabric = seen["fabric"]
    worst = next((state for word in _WORST_FIRST for state in sorted(states) if state.startswith(word)), "")
    return {
        "needed": bool(seen["pci"]["nvswitches"] or states - {"completed"}),
        "version": seen["packages"]["fabricmanager"],
        "installed": bool(seen["packages"]["fabricmanager"] or fabric["installed"]),
        "running": fabric["running"],
        "state": worst or fabric["state"],
    }
