# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVIDIA's libraries of a host: the stand-in for NVML with what it answers, and others whose version is asked."""

from __future__ import annotations

import shutil

from .hardware import gpu_uuid, gpus
from .libraries import Library, build

_FOLDER = "/usr/lib/x86_64-linux-gnu"
_NAME = "libnvidia-ml.so"
#: What a scenario's row says of a library -> what it is compiled with.
_MACROS = {"cudnn": "CUDNN", "cudart": "CUDART", "driver": "DRIVER"}


def branch(version):
    """The branch of a driver's version: 535 of 535.104.05."""
    return int(str(version).split(".", maxsplit=1)[0])


def devices(scenario):
    """Return the GPUs that NVML knows, in its order, as dicts with every key that the stand-in or nvidia-smi uses."""
    found = []
    for address, gpu in gpus(scenario):
        if gpu.get("nvml", True):
            found.append({"index": len(found), "address": address, "uuid": gpu_uuid(address), "used": 0, **gpu})
    return found


def put(tree, scenario, cache):
    """nvml, libraries. Returns {where a library lies on this machine: the name that it has for itself}.

    cache: a Path, where what is compiled is kept.
    """
    wanted = {path: _named(path, row) for path, row in scenario.get("libraries", {}).items()}
    nvml = scenario.get("nvml")
    if nvml:
        folder = nvml.get("folder", _FOLDER)
        file = f"{folder}/{_NAME}.{nvml['library']}"
        wanted[file] = Library("nvml.c", f"{_NAME}.1", {"GENERATION": branch(nvml["library"])})
    built = build(wanted.values(), cache) if wanted else {}
    sonames = {}
    for path, library in wanted.items():
        place = tree.place(path)
        shutil.copyfile(built[library.key()], place)
        sonames[place] = library.soname
        for name in scenario.get("libraries", {}).get(path, {}).get("links", ()):
            tree.link(f"{path.rpartition('/')[0]}/{name}", path.rpartition("/")[2])
    if nvml:
        _put_links(tree, folder, file)
        for place in sorted({folder, _FOLDER}):
            tree.write(f"{place}/mlinabox-scenario", answers(scenario))
    return sonames


def _put_links(tree, folder, file):
    """Debian's go through its alternatives, the others' are relative."""
    if folder == _FOLDER:
        tree.link(f"{_FOLDER}/{_NAME}.1", file.rpartition("/")[2])
        return
    tree.link(f"{folder}/{_NAME}.1", file.rpartition("/")[2])
    tree.link(f"/etc/alternatives/nvidia--{_NAME}.1-x86_64-linux-gnu", f"{folder}/{_NAME}.1")
    tree.link(f"{_FOLDER}/{_NAME}.1", f"/etc/alternatives/nvidia--{_NAME}.1-x86_64-linux-gnu")


def _named(path, row):
    """How a library is made of which only the version is asked; its name is the first of its links, or the file's."""
    macros = {macro: row[key] for key, macro in _MACROS.items() if key in row}
    return Library("named.c", (row.get("links") or [path.rpartition("/")[2]])[0], macros)


def answers(scenario):
    """Return the text of the file mlinabox-scenario: see ../nvml/nvml.c."""
    nvml = scenario["nvml"]
    library = str(nvml["library"])
    found = devices(scenario)
    # NVML's own version begins with that of the CUDA release since R515, with 11 before.
    major = 11 if branch(library) < 515 else int(nvml.get("cuda", 12000)) // 1000
    values = {"driver": nvml.get("driver", library), "nvml": f"{major}.{library}", "count": len(found)}
    if "cuda" in nvml:
        values["cuda"] = nvml["cuda"]
    if "process_entry" in nvml:
        values["process_entry"] = nvml["process_entry"]
    values.update({f"return.{name}": code for name, code in nvml.get("returns", {}).items()})
    values.update({f"return.{name}": "hang" for name in nvml.get("hangs", ())})
    values.update({f"return.{name}": "crash" for name in nvml.get("crashes", ())})
    for gpu in found:
        values.update({f"gpu.{gpu['index']}.{key}": value for key, value in _of_gpu(gpu).items()})
    return "".join(f"{key}={value}\n" for key, value in values.items())


def _of_gpu(gpu):
    domain, rest = gpu["address"].split(":", 1)
    values = {"address": f"{int(domain, 16):08X}:{rest.upper()}", "device": f"0x{gpu['device']}", "subsystem": "0x10de"}
    for key in ("uuid", "name", "memory", "used", "capability", "temperature", "firmware"):
        if key in gpu:
            values[key] = gpu[key]
    values.update({"serial": "0", "vbios": "94.02.5c.00.04", "persistence": 0, "compute_mode": 0, "power": 25000})
    values.update({"busy": 0, "memory_busy": 0, "throttle": gpu.get("throttle", 0)})
    if "ecc" in gpu:
        ecc = {"current": 1, "pending": 1, "corrected": 0, "uncorrected": 0, **gpu["ecc"]}
        values.update({f"ecc.{key}": value for key, value in ecc.items()})
    if float(gpu["capability"]) >= 8:
        rows = {"corrected": 0, "uncorrected": 0, "pending": 0, "failed": 0, **gpu.get("rows", {})}
        values.update({f"rows.{key}": value for key, value in rows.items()})
    for key, value in gpu.get("fabric", {}).items():
        values[f"fabric.{key}"] = value
    for number, process in enumerate(gpu.get("processes", ())):
        values[f"process.{number}"] = f"{process['pid']}:{process['memory']}:{process['name']}"
    values.update({f"return.{name}": code for name, code in gpu.get("returns", {}).items()})
    return {**values, **_of_parts(gpu)}


def _of_parts(gpu):
    if "mig" not in gpu:
        return {}
    mig = {"current": 0, "pending": 0, "maximum": 7, "instances": (), **gpu["mig"]}
    values = {f"mig.{key}": mig[key] for key in ("current", "pending", "maximum")}
    for number, part in enumerate(mig["instances"]):
        slices = int(part["profile"].split("g.")[0])
        row = {"uuid": gpu_uuid(gpu["address"], number), "name": f"{gpu['name']} MIG {part['profile']}"}
        row.update({key: part[key] for key in ("gpu_instance", "compute_instance", "memory", "used")})
        row.update({"gpu_slices": slices, "compute_slices": slices})
        values.update({f"mig.{number}.{key}": value for key, value in row.items()})
    return values
