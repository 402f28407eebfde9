"""What sources say, what is returned: GPUs merged by address, findings with their layer, and what the host is."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import (
    _gpu_boot,
    _gpu_codes,
    _gpu_findings,
    _gpu_state,
    _gpu_structure,
)

VERSION = "535.104.05"
A100, V100, B200 = "0x20b2", "0x1db1", "0x2901"


def card(number, driver="nvidia", device=A100):
    return {"address": f"0000:{number:02x}:00.0", "device": device, "class": "0x030200", "driver": driver}


def gpu(number, **said):
    """What NVML says of a GPU that is well."""
    found = copy.deepcopy(_gpu_structure.UNKNOWN_GPU)
    del found["device"], found["class"], found["driver"], found["inforom_corrupted"]
    found.update({"index": number - 1, "address": f"0000:{number:02x}:00.0", "uuid": f"GPU-{number}", "code": 0})
    found.update({"name": "NVIDIA A100-SXM4-80GB", "memory": 81920, "compute_capability": "8.0", "temperature": 30})
    found.update(said)
    return found


def failed(index, code, **said):
    """What NVML says of one whose handle it does not give."""
    return gpu(0, index=index, address="", uuid="", name="", memory=None, code=code, lost=code == 15, **said)


def source(status="ok", code=0, gpus=(), detail="", **more):
    found = {"status": status, "detail": detail, "code": code, "seconds": 0.0, "driver": "", "nvml": "", "cuda": ""}
    found.update({"count": len(gpus) if status == "ok" else None, "gpus": list(gpus), "hung": None, "corrupted": []})
    found.update(more)
    return found


SKIPPED = source("skipped", None, detail="skipped")


def package(name, version=f"{VERSION}-0ubuntu0.22.04.1", origin="Ubuntu", state="installed"):
    return {"name": name, "version": version, "held": False, "state": state, "origin": origin, "driver": VERSION}


def host(cards=(), nvml=None, smi=None, loaded=VERSION, **more):
    """A structure. loaded: the kernel module's version, or none; what is in `more` replaces parts of sources."""
    reboot = {**_gpu_boot.nothing_known(), **more.get("reboot", {})}
    seen = {
        "pci": {"gpus": list(cards), "nvswitches": more.get("nvswitches", 0), "status": more.get("pci", "ok")},
        "kernel": {
            "loaded": bool(loaded),
            "version": loaded,
            "open": more.get("open", False),
            "device_files": more.get("device_files", [*(f"nvidia{n}" for n in range(len(cards))), "nvidiactl"]),
            "status": "ok",
        },
        "library": {"path": "x", "version": more.get("library", loaded), "others": more.get("others", [])},
        "nvml": nvml or SKIPPED,
        "smi": smi or SKIPPED,
        "packages": {
            "known": True,
            "packages": more.get("packages", [package("nvidia-driver-535")]),
            "fabricmanager": more.get("fabricmanager", ""),
            "runfile": more.get("runfile", False),
            "unattended": {"enabled": True, "excludes_driver": False, "packages": more.get("upgraded", [])},
            "status": "ok",
        },
        "boot": {
            "secure_boot": more.get("secure_boot", "disabled"),
            "switched_off": more.get("switched_off", ""),
            "reboot": reboot,
            "status": "ok",
        },
        "fabric": {"status": "ok", "running": None, "state": "", "installed": False, **more.get("fabric", {})},
        "container": more.get("container", False),
        "excluded": more.get("excluded", []),
    }
    for one in seen.values():
        if isinstance(one, dict):
            one.setdefault("detail", "")
            one.setdefault("seconds", 0.0)
    return _gpu_structure.merge(seen)


def judged(**wanted):
    found = host(**wanted)
    findings = _gpu_findings.find(found)
    verdict = _gpu_state.judge(found, findings)
    return findings, verdict


ONE = [card(1)]
WELL = source(gpus=[gpu(1)])
NO_MODULE = {"cards": [card(1, "")], "loaded": ""}
HERE = {"running_kernel": "6.1.0-9", "next_kernel": "6.1.0-9"}
NEXT = {"running_kernel": "6.1.0-9", "running_has_module": True, "next_kernel": "6.1.0-18"}
ECC = {"enabled": True, "pending": True, "corrected": 0, "uncorrected": 0, "repair": ""}
FABRIC = {"nvswitches": 6, "fabricmanager": VERSION, "fabric": {"running": True, "state": "active", "installed": True}}

# what it is: (the host, its kind, its layer, codes of its findings, a word of the first's text, a word of its cure)
TABLE = {
    "no GPU": ({"loaded": "", "packages": []}, "cpu", "", [], "", ""),
    "no bus": ({"loaded": "", "packages": [], "pci": "absent"}, "cpu", "", [], "", ""),
    "a driver and no GPU": ({"loaded": ""}, "cpu", "", ["driver-without-gpu"], "shows no NVIDIA GPU", "power"),
    "well": ({"cards": ONE, "nvml": WELL}, "gpu", "", [], "", ""),
    "eight, well": (
        {"cards": [card(n) for n in range(1, 9)], "nvml": source(gpus=[gpu(n) for n in range(1, 9)])},
        "gpu",
        "",
        [],
        "",
        "",
    ),
    "WSL": ({"loaded": "", "nvml": source(gpus=[gpu(1)], driver="536.25")}, "gpu", "", [], "", ""),
    "a container that sees no bus": ({"pci": "absent", "nvml": source(gpus=[gpu(1)])}, "gpu", "", [], "", ""),
    "a container that sees no bus and has no GPU": ({"pci": "absent", "nvml": source()}, "cpu", "", [], "", ""),
    "a container whose bus and library are missing": ({"pci": "absent"}, "gpu", "", [], "", ""),
    "a container without the GPUs of its machine": (
        {"cards": ONE, "container": True, "device_files": [], "library": "", "nvml": source("absent", 12)},
        "cpu",
        "",
        ["gpus-not-given"],
        "under this container",
        "--gpus",
    ),
    "the GPU is gone": ({"nvml": source()}, "broken", "bus", ["gpu-vanished"], "gone from the PCI bus", "off and on"),
    "nouveau": (
        {"cards": [card(1, "nouveau")], "loaded": ""},
        "broken",
        "nouveau",
        ["nouveau-bound"],
        "nouveau has GPU 0000:01:00.0",
        "blacklist nouveau",
    ),
    "vfio": (
        {"cards": [card(1, "vfio-pci")], "loaded": ""},
        "broken",
        "nouveau",
        ["gpu-passed-through"],
        "vfio-pci",
        "nvidia_check_require=cpu",
    ),
    "one of two passed through": (
        {"cards": [card(1), card(2, "vfio-pci")], "nvml": WELL},
        "gpu",
        "",
        ["some-gpus-elsewhere"],
        "GPU 0000:02:00.0",
        "Nothing",
    ),
    "no driver": (
        {**NO_MODULE, "packages": [], "reboot": HERE},
        "broken",
        "kernel module",
        ["driver-missing"],
        "not loaded: no driver",
        "Install NVIDIA's driver",
    ),
    "not loaded": (
        {**NO_MODULE, "reboot": {**HERE, "running_has_module": True}},
        "broken",
        "kernel module",
        ["module-not-loaded"],
        "not loaded",
        "modprobe nvidia",
    ),
    "not loaded, and nothing known of kernels": (
        NO_MODULE,
        "broken",
        "kernel module",
        ["module-not-loaded"],
        "not loaded",
        "modprobe nvidia",
    ),
    "no module for this kernel": (
        {**NO_MODULE, "reboot": {**HERE, "running_has_module": False, "running_has_headers": True}},
        "broken",
        "kernel module",
        ["module-missing"],
        "running kernel 6.1.0-9",
        "dkms autoinstall -k 6.1.0-9",
    ),
    "no module nor headers for this kernel": (
        {**NO_MODULE, "reboot": {**HERE, "running_has_module": False, "running_has_headers": False}},
        "broken",
        "kernel module",
        ["module-missing-no-headers"],
        "nor its headers",
        "linux-headers-6.1.0-9",
    ),
    "no module for this kernel, and one for the next": (
        {
            **NO_MODULE,
            "reboot": {**HERE, "running_has_module": False, "next_kernel": "6.1.0-18", "next_has_module": True},
        },
        "broken",
        "kernel module",
        ["module-missing"],
        "6.1.0-9",
        "Restart the machine: its newest kernel 6.1.0-18",
    ),
    "no prebuilt module for this kernel": (
        {
            **NO_MODULE,
            "packages": [
                package("nvidia-driver-535-server"),
                package("linux-modules-nvidia-535-server-5.15.0-91-generic"),
            ],
            "library": VERSION,
            "reboot": {**HERE, "running_has_module": False},
        },
        "broken",
        "kernel module",
        ["module-missing"],
        "6.1.0-9",
        "apt install linux-modules-nvidia-535-server-6.1.0-9",
    ),
    "no module of the .run installer for this kernel": (
        {**NO_MODULE, "packages": [], "library": VERSION, "reboot": {**HERE, "running_has_module": False}},
        "broken",
        "kernel module",
        ["module-missing"],
        "6.1.0-9",
        f".run installer of {VERSION}",
    ),
    "switched off": (
        {**NO_MODULE, "switched_off": "/etc/modprobe.d/x.conf", "reboot": {**HERE, "running_has_module": True}},
        "broken",
        "kernel module",
        ["module-switched-off"],
        "/etc/modprobe.d/x.conf keeps",
        "Take that line out",
    ),
    "switched off at boot": (
        {**NO_MODULE, "switched_off": "/proc/cmdline", "reboot": {**HERE, "running_has_module": True}},
        "broken",
        "kernel module",
        ["module-switched-off"],
        "/proc/cmdline",
        "update-grub",
    ),
    "Secure Boot": (
        {
            **NO_MODULE,
            "secure_boot": "enabled",
            "reboot": {**HERE, "running_has_module": True, "running_module_signed": False},
        },
        "broken",
        "kernel module",
        ["module-refused-by-secure-boot"],
        "the module is not signed",
        "mokutil",
    ),
    "Secure Boot, and a key that is not enrolled": (
        {
            **NO_MODULE,
            "secure_boot": "enabled",
            "reboot": {**HERE, "running_has_module": True, "running_module_signed": True},
        },
        "broken",
        "kernel module",
        ["module-refused-by-secure-boot"],
        "signed with a key that is not enrolled",
        "mokutil",
    ),
    "a GPU that is not driven": (
        {"cards": [card(1), card(2, "")], "nvml": WELL},
        "broken",
        "kernel module",
        ["gpu-not-driven"],
        "does not drive GPU 0000:02:00.0",
        "dmesg",
    ),
    "Volta and the open module": (
        {"cards": [card(1, "", V100)], "open": True},
        "broken",
        "kernel module",
        ["gpu-not-driven"],
        "the open kernel module is for compute capability 7.5 and newer, not for 7.0",
        "Install the proprietary module, of branch 580 at the latest",
    ),
    "Volta and a driver that is too new": (
        {"cards": [card(1, "", V100)], "loaded": "590.48.01"},
        "broken",
        "kernel module",
        ["gpu-not-driven"],
        "R580 is the last driver",
        "branch 580",
    ),
    "Volta and an open module that did not load": (
        {
            "cards": [card(1, "", V100)],
            "loaded": "",
            "packages": [package("nvidia-driver-535-open")],
            "reboot": {**HERE, "running_has_module": True},
        },
        "broken",
        "kernel module",
        ["gpu-not-driven"],
        "the open kernel module is for",
        "proprietary",
    ),
    "Blackwell and the proprietary module": (
        {"cards": [card(1, "", B200)], "loaded": "570.86.15", "packages": [package("nvidia-driver-570")]},
        "broken",
        "kernel module",
        ["gpu-not-driven"],
        "only the open kernel module drives compute capability 10.0",
        "nvidia-driver-570-open",
    ),
    "no library": (
        {"cards": ONE, "library": "", "nvml": source("absent", 12), "smi": source("failed", 12)},
        "broken",
        "library",
        ["library-missing"],
        "it is nowhere",
        "libnvidia-compute-535",
    ),
    "a library without its link": (
        {"cards": ONE, "nvml": source("absent", 12), "smi": source("failed", 12)},
        "broken",
        "library",
        ["library-missing"],
        "lacks its link",
        "ldconfig",
    ),
    "mismatch, upgraded": (
        {"cards": ONE, "library": "535.129.03", "nvml": source("failed", 18), "smi": source("failed", 18)},
        "broken",
        "library",
        ["driver-library-mismatch"],
        f"module is of driver {VERSION}, the library of 535.129.03: the driver was upgraded",
        "Restart the machine",
    ),
    "mismatch by nvidia-smi alone": (
        {"cards": ONE, "library": "535.129.03", "nvml": source("timeout", None), "smi": source("failed", 18)},
        "broken",
        "library",
        ["driver-library-mismatch"],
        "535.129.03",
        "Restart",
    ),
    "mismatch by the files": (
        {"cards": ONE, "library": "535.129.03", "nvml": source("timeout", None), "smi": source("timeout", None)},
        "broken",
        "library",
        ["driver-library-mismatch"],
        "535.129.03",
        "Restart",
    ),
    "mismatch, older library": (
        {"cards": ONE, "library": "535.54.03", "nvml": source("failed", 18)},
        "broken",
        "library",
        ["driver-library-mismatch"],
        "older than the module",
        f"libraries of version {VERSION}",
    ),
    "mismatch, and the module on the disk is the old one": (
        {
            "cards": ONE,
            "library": "535.129.03",
            "nvml": source("failed", 18),
            "reboot": {**HERE, "next_has_module": True, "next_module_version": VERSION},
        },
        "broken",
        "library",
        ["driver-library-mismatch"],
        "535.129.03",
        "Build the module of 535.129.03",
    ),
    "mismatch, and the next kernel has no module": (
        {
            "cards": ONE,
            "library": "535.129.03",
            "nvml": source("failed", 18),
            "reboot": {**HERE, "next_kernel": "6.1.0-18", "next_has_module": False, "next_has_headers": True},
        },
        "broken",
        "library",
        ["driver-library-mismatch", "next-kernel-without-module"],
        "535.129.03",
        "Build the module for the next kernel first",
    ),
    "mismatch, and both of one version": (
        {"cards": ONE, "nvml": source("failed", 18, nvml="12.550.54.15")},
        "broken",
        "library",
        ["driver-library-mismatch"],
        "both of 535.104.05",
        "ldconfig -p",
    ),
    "a library that crashes": (
        {"cards": ONE, "nvml": source("failed", None, detail="NVML was ended by SIGSEGV"), "smi": source("failed", 13)},
        "broken",
        "library",
        ["library-unusable"],
        "SIGSEGV",
        "reinstall",
    ),
    "a library that does not load": (
        {"cards": ONE, "nvml": source("failed", None, detail="file too short"), "smi": source("absent", None)},
        "broken",
        "library",
        ["library-unusable"],
        "file too short",
        "reinstall libnvidia-compute-535",
    ),
    "NVML fails, nvidia-smi does not": (
        {"cards": ONE, "nvml": source("failed", 13, detail="Function Not Found"), "smi": WELL},
        "gpu",
        "",
        ["nvml-unanswered"],
        "Function Not Found",
        "ldconfig",
    ),
    "a second library": (
        {"cards": ONE, "nvml": WELL, "others": ["470.82.01"]},
        "gpu",
        "",
        ["library-left-over"],
        "libnvidia-ml of 470.82.01",
        "Remove",
    ),
    "driver not loaded, says NVML": (
        {"cards": ONE, "nvml": source("failed", 9)},
        "broken",
        "access",
        ["driver-unreachable"],
        "Driver Not Loaded",
        "dmesg",
    ),
    "no device files": (
        {"cards": ONE, "nvml": source("failed", 9), "device_files": []},
        "broken",
        "access",
        ["device-files-missing"],
        "/dev/nvidiactl",
        "nvidia-modprobe",
    ),
    "permissions": (
        {"cards": ONE, "nvml": source("failed", 4)},
        "broken",
        "access",
        ["access-denied"],
        "Insufficient Permissions",
        "ls -l /dev/nvidia",
    ),
    "blocked": (
        {"cards": ONE, "nvml": source("failed", 17)},
        "broken",
        "access",
        ["access-blocked"],
        "blocked",
        "cgroup",
    ),
    "blocked in a container": (
        {"cards": ONE, "nvml": source("failed", 17), "container": True},
        "broken",
        "access",
        ["access-blocked"],
        "blocked",
        "no-cgroups = false",
    ),
    "unknown error": (
        {"cards": ONE, "nvml": source("failed", 999)},
        "broken",
        "access",
        ["access-lost"],
        "Unknown Error",
        "Xid",
    ),
    "unknown error in a container": (
        {"cards": ONE, "nvml": source("failed", 999), "smi": source("failed", 999), "container": True},
        "broken",
        "access",
        ["access-lost"],
        "Unknown Error",
        "Create the container again",
    ),
    "another code": (
        {"cards": ONE, "nvml": source("failed", 27)},
        "broken",
        "access",
        ["driver-unreachable"],
        "not ready",
        "dmesg",
    ),
    "both hang": (
        {
            "cards": ONE,
            "nvml": source("timeout", None, detail="NVML did not answer within 5 s"),
            "smi": source("timeout", None, detail="nvidia-smi did not answer within 5 s"),
        },
        "broken",
        "access",
        ["driver-hangs"],
        "NVML did not answer within 5 s and nvidia-smi did not",
        "nvidia-persistenced",
    ),
    "one of two is lost": (
        {"cards": [card(1), card(2)], "nvml": source(gpus=[gpu(1), failed(1, 15, error="GPU is lost")])},
        "broken",
        "gpu",
        ["gpu-lost"],
        "GPU 0000:02:00.0 is lost",
        "off and on",
    ),
    "lost, says nvidia-smi of all": (
        {"cards": [card(1), card(2)], "nvml": source("failed", 15), "smi": source("failed", 15)},
        "broken",
        "gpu",
        ["gpu-lost"],
        "One of the GPUs 0000:01:00.0 and 0000:02:00.0",
        "off and on",
    ),
    "reset": (
        {"cards": ONE, "nvml": source(gpus=[gpu(1, code=16, error="GPU requires reset")])},
        "broken",
        "gpu",
        ["gpu-needs-reset"],
        "must be reset",
        "--gpu-reset -i 0",
    ),
    "one of two hangs": (
        {
            "cards": [card(1), card(2)],
            "nvml": source("timeout", None, [gpu(1)], "NVML did not answer within 5 s", count=2, hung=1),
            "smi": source("timeout", None),
        },
        "broken",
        "gpu",
        ["gpu-hangs"],
        "GPU 0000:02:00.0 does not answer",
        "off and on",
    ),
    "one of two is not known to NVML": (
        {"cards": [card(1), card(2)], "nvml": WELL},
        "broken",
        "gpu",
        ["gpu-not-initialized"],
        "0000:02:00.0",
        "RmInitAdapter",
    ),
    "a container with one of two": (
        {"cards": [card(1), card(2)], "nvml": WELL, "container": True},
        "gpu",
        "",
        [],
        "",
        "",
    ),
    "a job with one of two": (
        {"cards": [card(1), card(2)], "nvml": WELL, "device_files": ["nvidia-uvm", "nvidia1", "nvidiactl"]},
        "gpu",
        "",
        [],
        "",
        "",
    ),
    "one of two excluded": (
        {"cards": [card(1), card(2)], "nvml": WELL, "excluded": ["0000:02:00.0"]},
        "gpu",
        "",
        ["gpu-excluded"],
        "0000:02:00.0",
        "modprobe.d",
    ),
    "no devices, says nvidia-smi": (
        {"cards": ONE, "nvml": source("failed", None), "smi": source("failed", 28)},
        "broken",
        "gpu",
        ["gpu-not-initialized"],
        "could not initialize",
        "RmInitAdapter",
    ),
    "no devices, say both": (
        {"cards": ONE, "nvml": source("failed", 28), "smi": source("failed", 28)},
        "broken",
        "gpu",
        ["gpu-not-initialized"],
        "could not initialize",
        "RmInitAdapter",
    ),
    "a GPU that is too old for its driver": (
        {"cards": [card(1, device=V100)], "nvml": source(), "loaded": "590.48.01"},
        "broken",
        "gpu",
        ["gpu-not-initialized"],
        "R580 is the last",
        "branch 580",
    ),
    "a handle that is not given": (
        {"cards": ONE, "nvml": source(gpus=[failed(0, 999, error="Unknown Error")])},
        "broken",
        "gpu",
        ["gpu-fails"],
        "0000:01:00.0 fails: NVML says 'Unknown Error'",
        "Xid",
    ),
    "without power": (
        {"cards": ONE, "nvml": source(gpus=[failed(0, 8, error="Insufficient External Power")])},
        "broken",
        "gpu",
        ["gpu-fails"],
        "External Power",
        "power cables",
    ),
    "memory that cannot be repaired": (
        {"cards": ONE, "nvml": source(gpus=[gpu(1, ecc={**ECC, "uncorrected": 9, "repair": "failed"})])},
        "broken",
        "gpu",
        ["memory-failing"],
        "0000:01:00.0",
        "replaced",
    ),
    "memory that waits for its repair": (
        {"cards": ONE, "nvml": source(gpus=[gpu(1, ecc={**ECC, "uncorrected": 9, "repair": "pending"})])},
        "gpu",
        "",
        ["memory-repair-pending"],
        "waits",
        "--gpu-reset",
    ),
    "errors of memory": (
        {"cards": ONE, "nvml": source(gpus=[gpu(1, ecc={**ECC, "corrected": 99, "uncorrected": 2})])},
        "gpu",
        "",
        ["memory-errors"],
        "could not be corrected",
        "dcgmi",
    ),
    "corrected errors of memory": (
        {"cards": ONE, "nvml": source(gpus=[gpu(1, ecc={**ECC, "corrected": 99})])},
        "gpu",
        "",
        [],
        "",
        "",
    ),
    "ECC to be switched": (
        {"cards": ONE, "nvml": source(gpus=[gpu(1, ecc={**ECC, "pending": False})])},
        "gpu",
        "",
        ["ecc-change-pending"],
        "ECC",
        "suits",
    ),
    "MIG to be switched": (
        {"cards": ONE, "nvml": source(gpus=[gpu(1, mig={"enabled": False, "pending": True, "instances": []})])},
        "gpu",
        "",
        ["mig-change-pending"],
        "MIG",
        "--gpu-reset",
    ),
    "MIG without instances": (
        {"cards": ONE, "nvml": source(gpus=[gpu(1, mig={"enabled": True, "pending": True, "instances": []})])},
        "broken",
        "gpu",
        ["mig-without-instances"],
        "no instance",
        "nvidia-smi mig -cgi",
    ),
    "one of two in MIG mode without instances": (
        {
            "cards": [card(1), card(2)],
            "nvml": source(gpus=[gpu(1), gpu(2, mig={"enabled": True, "pending": True, "instances": []})]),
        },
        "gpu",
        "",
        ["some-mig-without-instances"],
        "0000:02:00.0",
        "nvidia-smi -mig 0",
    ),
    "slowed down": (
        {"cards": ONE, "nvml": source(gpus=[gpu(1, throttle=["gpu_idle", "hw_thermal_slowdown"])])},
        "gpu",
        "",
        ["gpu-slowed-down"],
        "hw_thermal_slowdown",
        "cooling",
    ),
    "idle, and at its power's limit": (
        {"cards": ONE, "nvml": source(gpus=[gpu(1, throttle=["gpu_idle", "sw_power_cap"])])},
        "gpu",
        "",
        [],
        "",
        "",
    ),
    "infoROM": (
        {"cards": ONE, "nvml": source("failed", 13), "smi": source(gpus=[gpu(1)], corrupted=["0000:01:00.0"])},
        "gpu",
        "",
        ["nvml-unanswered", "inforom-corrupted"],
        "",
        "",
    ),
    "NVSwitches, well": ({"cards": ONE, "nvml": WELL, **FABRIC}, "gpu", "", [], "", ""),
    "NVSwitches and no Fabric Manager": (
        {"cards": ONE, "nvml": WELL, "nvswitches": 6},
        "broken",
        "fabric",
        ["fabricmanager-missing"],
        "behind 6 NVSwitches",
        f"nvidia-fabricmanager-535={VERSION}*",
    ),
    "NVSwitches of today and no Fabric Manager": (
        {"cards": ONE, "nvml": WELL, "nvswitches": 1, "loaded": "580.95.05"},
        "broken",
        "fabric",
        ["fabricmanager-missing"],
        "behind an NVSwitch",
        "'nvidia-fabricmanager=580.95.05*'",
    ),
    "a Fabric Manager of another version": (
        {"cards": ONE, "nvml": WELL, **FABRIC, "fabricmanager": "535.54.03"},
        "broken",
        "fabric",
        ["fabricmanager-version"],
        f"is of 535.54.03 and the driver of {VERSION}",
        f"={VERSION}*",
    ),
    "a Fabric Manager that does not run": (
        {"cards": ONE, "nvml": WELL, **FABRIC, "fabric": {"running": False, "state": "failed", "installed": True}},
        "broken",
        "fabric",
        ["fabricmanager-stopped"],
        "does not run",
        "systemctl enable --now",
    ),
    "a Fabric Manager that stopped after its work": (
        {
            "cards": ONE,
            "nvml": source(gpus=[gpu(1, fabric="completed")]),
            **FABRIC,
            "fabric": {"running": False, "state": "failed", "installed": True},
        },
        "gpu",
        "",
        ["fabricmanager-left"],
        "after their next reset",
        "systemctl enable --now",
    ),
    "NVSwitches, from a container": (
        {"cards": ONE, "nvml": WELL, "nvswitches": 6, "container": True},
        "gpu",
        "",
        [],
        "",
        "",
    ),
    "a registration that is not done": (
        {"cards": ONE, **FABRIC, "nvml": source(gpus=[gpu(1, fabric="in progress")])},
        "broken",
        "fabric",
        ["fabric-not-ready"],
        "'in progress'",
        "journalctl",
    ),
    "a registration that failed": (
        {"cards": ONE, **FABRIC, "nvml": source(gpus=[gpu(1, fabric="failed: Unknown Error")])},
        "broken",
        "fabric",
        ["fabric-not-ready"],
        "Unknown Error",
        "journalctl",
    ),
    "a virtual machine whose fabric is elsewhere": (
        {"cards": ONE, "nvml": source(gpus=[gpu(1, fabric="in progress")])},
        "gpu",
        "",
        ["fabric-unsettled"],
        "no Fabric Manager is here",
        "where the switches are",
    ),
    "nobody knows of the Fabric Manager": (
        {"cards": ONE, "nvml": WELL, **FABRIC, "fabric": {"running": None, "installed": True}},
        "gpu",
        "",
        ["fabricmanager-unknown"],
        "cannot be told",
        "systemctl status",
    ),
    "a restart waits": (
        {"cards": ONE, "nvml": WELL, "reboot": {"pending": True, "packages": ["libc6"]}},
        "gpu",
        "",
        ["reboot-pending"],
        "A restart waits for libc6",
        "suits",
    ),
    "a restart waits for the driver": (
        {"cards": ONE, "nvml": WELL, "reboot": {"pending": True, "packages": ["libc6", "nvidia-dkms-535"]}},
        "gpu",
        "",
        ["driver-reboot-pending"],
        "nvidia-dkms-535",
        "Restart",
    ),
    "the next kernel has a module": (
        {"cards": ONE, "nvml": WELL, "reboot": {**NEXT, "next_has_module": True}},
        "gpu",
        "",
        [],
        "",
        "",
    ),
    "the next kernel has no module": (
        {"cards": ONE, "nvml": WELL, "reboot": {**NEXT, "next_has_module": False, "next_has_headers": True}},
        "gpu",
        "",
        ["next-kernel-without-module"],
        "6.1.0-18",
        "dkms autoinstall -k 6.1.0-18",
    ),
    "the next kernel has no headers": (
        {"cards": ONE, "nvml": WELL, "reboot": {**NEXT, "next_has_module": False, "next_has_headers": False}},
        "gpu",
        "",
        ["next-kernel-without-headers"],
        "6.1.0-18",
        "linux-headers-6.1.0-18",
    ),
    "the next kernel has no prebuilt module": (
        {
            "cards": ONE,
            "nvml": WELL,
            "packages": [package("linux-modules-nvidia-535-6.1.0-9")],
            "reboot": {**NEXT, "next_has_module": False},
        },
        "gpu",
        "",
        ["next-kernel-without-module"],
        "6.1.0-18",
        "linux-modules-nvidia-535-",
    ),
    "the next kernel has no module of the .run installer": (
        {"cards": ONE, "nvml": WELL, "packages": [], "reboot": {**NEXT, "next_has_module": False}},
        "gpu",
        "",
        ["next-kernel-without-module"],
        "6.1.0-18",
        "--kernel-name=6.1.0-18",
    ),
    "the next kernel refuses its module": (
        {
            "cards": ONE,
            "nvml": WELL,
            "secure_boot": "enabled",
            "reboot": {**NEXT, "next_has_module": True, "next_module_signed": False},
        },
        "gpu",
        "",
        ["next-module-unsigned"],
        "not signed",
        "dkms",
    ),
    "half installed": (
        {"cards": ONE, "nvml": WELL, "packages": [package("nvidia-dkms-535", state="half-configured")]},
        "gpu",
        "",
        ["driver-package-unfinished"],
        "nvidia-dkms-535 (half-configured)",
        "dpkg --configure -a",
    ),
    "packages of two versions": (
        {
            "cards": ONE,
            "nvml": WELL,
            "packages": [package("nvidia-driver-535"), package("libnvidia-compute-535", "535.54.03-0ubuntu0.22.04.1")],
        },
        "gpu",
        "",
        ["driver-packages-mixed"],
        "libnvidia-compute-535 535.54.03",
        "preferences.d",
    ),
    "packages of two archives": (
        {
            "cards": ONE,
            "nvml": WELL,
            "packages": [package("nvidia-driver-535"), package("libnvidia-compute-535", origin="NVIDIA")],
        },
        "gpu",
        "",
        ["driver-origins-mixed"],
        "libnvidia-compute-535 from NVIDIA and nvidia-driver-535 from Ubuntu",
        "pin",
    ),
    "a Fabric Manager of NVIDIA's beside Ubuntu's driver": (
        {
            "cards": ONE,
            "nvml": WELL,
            **FABRIC,
            "packages": [package("nvidia-driver-535"), package("nvidia-fabricmanager-535", origin="NVIDIA")],
        },
        "gpu",
        "",
        [],
        "",
        "",
    ),
    ".run installer beside packages": (
        {"cards": ONE, "nvml": WELL, "runfile": True},
        "gpu",
        "",
        ["runfile-beside-packages"],
        ".run installer",
        "nvidia-uninstall",
    ),
    "upgraded unattended": (
        {"cards": ONE, "nvml": WELL, "upgraded": ["nvidia-driver-535"]},
        "gpu",
        "",
        ["driver-upgrades-itself"],
        "nvidia-driver-535",
        "apt-mark hold",
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_what_is_said_and_what_is_returned(name):
    wanted, kind, layer, codes, text, cure = TABLE[name]
    findings, verdict = judged(**wanted)
    assert (verdict["kind"], verdict["layer"], [one["code"] for one in findings]) == (kind, layer, codes)
    if codes and (text or cure):
        assert text in findings[0]["text"]
        assert cure in findings[0]["cure"]
    for one in findings:
        assert {key: one[key] for key in ("layer", "severity", "fix")} == dict(
            zip(("layer", "severity", "fix"), _gpu_codes.CODES[one["code"]])
        )
        for sentence in (one["text"], one["cure"]):
            assert sentence.endswith(".")
            assert ". " not in sentence
            assert sentence[0].isupper() or sentence.startswith(("libnvidia", "nvidia-smi", "unattended-upgrades"))
    assert verdict["reason"].endswith(".")
    assert bool(verdict["cure"]) is (kind == "broken")


#: Codes of the layers that stand on the driver are found elsewhere.
_OURS = _gpu_codes.LAYERS[: _gpu_codes.LAYERS.index("fabric") + 1]


def test_every_code_is_in_the_table():
    here = {code for row in TABLE.values() for code in row[3]}
    ours = {code for code, (layer, _severity, _fix) in _gpu_codes.CODES.items() if layer in _OURS}
    ours -= {"persistenced-stopped"}  # a service, which the doctor asks about
    ours |= {code for code, row in _gpu_codes.CODES.items() if row[0] in ("boot", "packages") and "apt-" not in code}
    assert here == ours


def test_the_page_has_every_code():
    page = (Path(__file__).resolve().parents[4] / "docs" / "gpu_info.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([a-z ]+) \| (`[a-z].*`) \|$", page.split("## Codes")[1], re.MULTILINE))
    documented = {code: layer for layer, codes in rows.items() for code in re.findall(r"`(\S+)`", codes)}
    here = {code for row in TABLE.values() for code in row[3]}
    assert documented == {code: _gpu_codes.CODES[code][0] for code in here}


def test_codes_and_layers_are_names():
    for code, (layer, severity, fix) in _gpu_codes.CODES.items():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code)
        assert re.fullmatch(r"([a-z0-9]+(-[a-z0-9]+)*)?", fix)
        assert layer in _gpu_codes.LAYERS
        assert severity in ("broken", "warning", "note")


def addresses(cards, nvml, smi=None):
    found = _gpu_structure.merge_gpus(cards, nvml, smi or SKIPPED)
    return [(one["address"], one["index"], one["code"], one["error"]) for one in found]


def test_a_gpu_that_did_not_tell_its_address_is_found_by_its_place():
    cards = [card(5, "vfio-pci"), card(1), card(3), card(2, "")]
    nvml = source(gpus=[gpu(1, index=0), failed(1, 15, error="GPU is lost")])
    assert addresses(cards, nvml) == [
        ("0000:01:00.0", 0, 0, ""),
        ("0000:02:00.0", None, None, ""),
        ("0000:03:00.0", 1, 15, "GPU is lost"),
        ("0000:05:00.0", None, None, ""),
    ]


def test_a_gpu_that_did_not_tell_its_address_where_numbers_differ():
    """NVML counts fewer than the bus shows: the failed one is the first that nobody named."""
    cards = [card(1), card(2), card(3)]
    nvml = source(gpus=[gpu(1, index=0), failed(1, 999, error="Unknown Error")])
    assert addresses(cards, nvml) == [
        ("0000:01:00.0", 0, 0, ""),
        ("0000:02:00.0", 1, 999, "Unknown Error"),
        ("0000:03:00.0", None, None, "the driver does not know it"),
    ]


def test_a_gpu_that_nobody_can_place_stands_last():
    assert addresses([], source(gpus=[gpu(7, index=0), failed(1, 15, error="GPU is lost")])) == [
        ("0000:07:00.0", 0, 0, ""),
        ("", 1, 15, "GPU is lost"),
    ]


def test_the_second_source_fills_what_the_first_left_open():
    nvml = source(gpus=[gpu(1, name="", memory=None, throttle=[])])
    smi = source(gpus=[gpu(1, name="NVIDIA A100", memory=40960, temperature=99, throttle=["gpu_idle"])])
    (found,) = _gpu_structure.merge_gpus([card(1)], nvml, smi)
    assert (found["name"], found["memory"], found["temperature"], found["throttle"]) == (
        "NVIDIA A100",
        40960,
        30,
        ["gpu_idle"],
    )


def test_the_second_source_where_the_first_failed():
    smi = source(gpus=[gpu(1, compute_capability="")], driver=VERSION, cuda="12.2")
    found = host(cards=ONE, nvml=source("failed", None), smi=smi)
    assert (found["gpus"][0]["uuid"], found["driver"]["cuda"]) == ("GPU-1", "12.2")
    assert found["gpus"][0]["compute_capability"] == "8.0"  # by its PCI device number


def test_what_a_source_tells_is_not_shared_between_hosts():
    first = _gpu_structure.merge_gpus([card(1)], SKIPPED, SKIPPED)
    first[0]["mig"]["instances"].append("x")
    assert _gpu_structure.merge_gpus([card(1)], SKIPPED, SKIPPED)[0]["mig"]["instances"] == []


@pytest.mark.parametrize(
    ("nvml", "smi", "loaded", "cuda", "own"),
    [
        (source(cuda="12.4", nvml="12.550.54.15", gpus=[gpu(1)]), SKIPPED, "550.54.15", "12.4", "550.54.15"),
        (source("failed", 18, nvml="12.550.54.15"), SKIPPED, "535.104.05", "12.2", "550.54.15"),
        (source("failed", 18), source("failed", 18, nvml="550.163"), "470.82.01", "11.4", "550.163"),
        (source(nvml="11.470.82.01", gpus=[gpu(1)]), SKIPPED, "470.82.01", "11.4", "470.82.01"),
        (SKIPPED, SKIPPED, "418.43", "", ""),
        (SKIPPED, SKIPPED, "", "", ""),
    ],
)
def test_the_drivers_versions(nvml, smi, loaded, cuda, own):
    found = host(cards=ONE, nvml=nvml, smi=smi, loaded=loaded)["driver"]
    assert (found["version"], found["cuda"], found["nvml"]) == (loaded, cuda, own)
    assert found["branch"] == loaded.split(".")[0]
