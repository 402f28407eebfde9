# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings of the layers bus, nouveau, kernel module and library. Pure; no Ansible import."""

from __future__ import annotations

import re

from ._gpu_codes import finding
from ._gpu_errors import FUNCTION_NOT_FOUND, LIBRARY_NOT_FOUND, VERSION_MISMATCH
from ._gpu_versions import version_key
from ._gpu_words import listed, named, on_the_bus, why_not_driven

#: Kernel drivers of NVIDIA's cards that are not NVIDIA's own, and in whose hands CUDA does not get.
_OTHERS_OF_THE_KERNEL = ("nouveau", "nova_core", "nova", "nvidiafb", "rivafb")
#: What a source says, or nothing, where its library is the matter and not what that asks.
_OF_THE_LIBRARY = (None, LIBRARY_NOT_FOUND, FUNCTION_NOT_FOUND)
_RESTART = "restart the machine (`systemctl reboot`)"
_UNLOAD = "`rmmod nvidia_drm nvidia_modeset nvidia_uvm nvidia && modprobe nvidia` while nothing uses a GPU"


def find_bus(host):
    """The driver is there and its GPU is not."""
    driver = host["driver"]
    if host["gpus"] or host["sources"]["pci"]["status"] != "ok":
        return []
    if driver["loaded"] and host["sources"]["nvml"]["count"] in (None, 0):
        # The module does not load where there is no GPU, so there was one.
        text = f"NVIDIA's driver {driver['version']} is loaded, and its GPU is gone from the PCI bus."
        cure = "Switch the machine off and on, and see `dmesg | grep -i -e NVRM -e pcie` for why the GPU fell off."
        return [finding("gpu-vanished", text, cure)]
    if driver["packages"] and not driver["loaded"]:
        text = "NVIDIA's driver is installed, and the PCI bus shows no NVIDIA GPU."
        cure = "Where there should be one, see to its seat, its power, and the firmware's settings."
        return [finding("driver-without-gpu", text, cure)]
    return []


def find_foreign(host):
    """Another driver has the cards."""
    gpus = [gpu for gpu in host["gpus"] if gpu["class"]]
    elsewhere = [gpu for gpu in gpus if gpu["driver"] not in ("", "nvidia")]
    if not elsewhere:
        return []
    drivers = listed(sorted({gpu["driver"] for gpu in elsewhere}))
    if any(gpu["driver"] == "nvidia" for gpu in gpus):
        text = f"The driver {drivers} has {named(elsewhere)}, which CUDA does not see."
        return [finding("some-gpus-elsewhere", text, "Nothing to do where that is meant so, as for virtual machines.")]
    taken = [gpu for gpu in elsewhere if gpu["driver"] in _OTHERS_OF_THE_KERNEL]
    if taken:
        name = taken[0]["driver"]
        text = f"The driver {name} has {named(taken)}, and CUDA cannot use it."
        cure = (
            f"Install NVIDIA's driver, put `blacklist {name}` and `options {name} modeset=0` into /etc/modprobe.d, "
            "run `update-initramfs -u` and restart the machine."
        )
        return [finding("nouveau-bound", text, cure)]
    text = f"The driver {drivers} has {named(elsewhere)}, as for a virtual machine that it is passed to."
    cure = "Give it back to NVIDIA's driver, or take the host as a CPU box with nvidia_check_require=cpu."
    return [finding("gpu-passed-through", text, cure)]


def find_module(host):
    """NVIDIA's kernel module is not there, not loaded, or does not drive a card."""
    gpus = [gpu for gpu in host["gpus"] if gpu["class"]]
    driver = host["driver"]
    if driver["loaded"]:
        unbound = [gpu for gpu in gpus if not gpu["driver"]]
        return [_not_driven(host, unbound)] if unbound else []
    if not gpus or host["sources"]["nvml"]["status"] == "ok":
        return []  # WSL has no module of its own
    return [_not_loaded(host, gpus)]


def _not_driven(host, unbound):
    driver = host["driver"]
    why, instead = why_not_driven(unbound[0], driver)
    text = f"NVIDIA's driver {driver['version']} is loaded and does not drive {named(unbound)}"
    if why:
        return finding("gpu-not-driven", f"{text}: {why}.", f"{instead}, and restart the machine.")
    cure = "See `dmesg | grep NVRM`: the driver may be too old, too new or of the wrong kind for this GPU."
    return finding("gpu-not-driven", f"{text}.", cure)


def _not_loaded(host, gpus):
    driver, boot = host["driver"], host["reboot"]
    kernel = boot["running_kernel"]
    there = f"{on_the_bus(gpus)} on the PCI bus, and NVIDIA's kernel module is not loaded"
    installed = bool(driver["packages"] or driver["library"] or driver["runfile"] or boot["next_has_module"])
    if boot["running_has_module"]:
        return _refused(host, gpus, there)
    if boot["running_has_module"] is None and installed:
        return finding(
            "module-not-loaded",
            f"{there}.",
            "Load it with `modprobe nvidia`, and where that fails see `dmesg | grep NVRM`.",
        )
    if not installed:
        cure = "Install NVIDIA's driver for the running kernel, and restart the machine."
        return finding("driver-missing", f"{there}: no driver of NVIDIA's is installed.", cure)
    text = f"{there}: there is none for the running kernel {kernel}"
    if boot["next_has_module"] and boot["next_kernel"] != kernel:
        cure = f"Restart the machine: its newest kernel {boot['next_kernel']} has the module."
        return finding("module-missing", f"{text}.", cure)
    if _is_prebuilt(driver):
        return finding(
            "module-missing", f"{text}.", f"Run `apt install {_prebuilt(driver, kernel)}` and `modprobe nvidia`."
        )
    if boot["running_has_headers"] is False:
        text += ", nor its headers to build one with."
        cure = f"Run `apt install linux-headers-{kernel}`, {_rebuild(driver, kernel)} and `modprobe nvidia`."
        return finding("module-missing-no-headers", text, cure)
    cure = f"Run {_rebuild(driver, kernel)} and `modprobe nvidia`, and where that fails read DKMS's make.log."
    return finding("module-missing", f"{text}.", cure)


def _refused(host, gpus, there):
    """The module's file is there for the running kernel."""
    driver, boot = host["driver"], host["reboot"]
    why, instead = why_not_driven(gpus[0], driver)
    if why:
        return finding("gpu-not-driven", f"{there}: {why}.", f"{instead}, and restart the machine.")
    if driver["switched_off"]:
        text = f"{there}: {driver['switched_off']} keeps it from being loaded."
        cure = f"Take that line out of {driver['switched_off']}, run `update-initramfs -u` and `modprobe nvidia`."
        if driver["switched_off"].startswith("/proc"):
            cure = "Take it out of GRUB_CMDLINE_LINUX in /etc/default/grub, run `update-grub` and restart the machine."
        return finding("module-switched-off", text, cure)
    if host["secure_boot"] == "enabled":
        signed = {True: "signed with a key that is not enrolled", False: "not signed"}.get(
            boot["running_module_signed"], "not signed with an enrolled key"
        )
        text = f"{there}: Secure Boot is on, and the module is {signed}, so the kernel refuses it."
        cure = (
            "Enrol the key that DKMS signs with (`mokutil --import /var/lib/shim-signed/mok/MOK.der` on Ubuntu, "
            "`mokutil --import /var/lib/dkms/mok.pub` on Debian), restart and confirm it at the console, or install "
            "the distribution's signed modules, or switch Secure Boot off in the firmware."
        )
        return finding("module-refused-by-secure-boot", text, cure)
    cure = "Load it with `modprobe nvidia`, and where that fails see `dmesg | grep NVRM`."
    return finding("module-not-loaded", f"{there}, though it is there for the kernel {boot['running_kernel']}.", cure)


def _rebuild(driver, kernel):
    if driver["runfile"] and not driver["packages"]:
        return f"NVIDIA's .run installer of {driver['library']} again with `--kernel-name={kernel} --dkms`"
    return f"`dkms autoinstall -k {kernel}`"


def _is_prebuilt(driver):
    names = [package["name"] for package in driver["packages"]]
    return any(name.startswith("linux-modules-nvidia-") for name in names) and not any("dkms" in name for name in names)


def _prebuilt(driver, kernel):
    names = [one["name"] for one in driver["packages"] if one["name"].startswith("linux-modules-nvidia-")]
    kind = "-open" if any("-open-" in name for name in names) else ""
    server = "-server" if any("-server-" in name for name in names) else ""
    number = driver["branch"] or names[0].split("-")[3]
    return f"linux-modules-nvidia-{number}{server}{kind}-{kernel}"


def find_library(host):
    """The library of the driver is not there, is another driver's, or cannot be loaded."""
    driver, nvml, smi = host["driver"], host["sources"]["nvml"], host["sources"]["smi"]
    if not host["gpus"] or not driver["loaded"]:
        return []
    if nvml["status"] == "ok":
        beside = driver["libraries_beside"]
        if not beside:
            return []
        text = f"libnvidia-ml of {listed(beside)} lies beside that of {driver['library']}, which is in use."
        return [finding("library-left-over", text, "Remove the package or the .run installation that it is left of.")]
    if host["container"] and not driver["device_files"] and not driver["library"]:
        text = f"{on_the_bus(host['gpus'])} in the machine under this container, which was not given them."
        return [finding("gpus-not-given", text, "Start the container with its GPUs, as with `docker run --gpus all`.")]
    if VERSION_MISMATCH in (nvml["code"], smi["code"]) or (_differ(driver) and smi["status"] != "ok"):
        return [_mismatch(host)]
    if smi["status"] == "ok":
        text = f"nvidia-smi answers, and NVML does not answer us: {nvml['detail'] or nvml['status']}."
        return [
            finding(
                "nvml-unanswered", text, "See whether libnvidia-ml.so.1 is where the loader finds it: `ldconfig -p`."
            )
        ]
    if nvml["status"] == "absent":
        there = (
            f"that of {driver['library']} lacks its link libnvidia-ml.so.1" if driver["library"] else "it is nowhere"
        )
        text = f"NVIDIA's kernel module {driver['version']} is loaded, and libnvidia-ml.so.1 is not found: {there}."
        cure = f"Install the driver's libraries of just that version ({_library_package(driver)}), then run `ldconfig`."
        return [finding("library-missing", text, cure)]
    if nvml["status"] == "failed" and nvml["code"] in _OF_THE_LIBRARY and smi["code"] in _OF_THE_LIBRARY:
        text = f"NVIDIA's library libnvidia-ml.so.1 {driver['library']} cannot be used: {nvml['detail']}."
        cure = f"Run `apt install --reinstall {_library_package(driver)}` and `ldconfig`."
        return [finding("library-unusable", text, cure)]
    return []


def _differ(driver):
    """NVML did not say so itself: it was not asked to its end."""
    return bool(driver["library"] and driver["version"] and driver["library"] != driver["version"])


def _library_package(driver):
    names = [one["name"] for one in driver["packages"] if re.match(r"libnvidia-compute(-|$)", one["name"])]
    if names:
        return names[0]
    own = any(one["origin"] == "Debian" for one in driver["packages"])
    return "libnvidia-ml1 libcuda1" if own or not driver["branch"] else f"libnvidia-compute-{driver['branch']}"


def _mismatch(host):
    driver, boot = host["driver"], host["reboot"]
    if driver["library"] == driver["version"] != driver["nvml"]:
        text = "NVML says 'Driver/library version mismatch', though the module and the library on the disk are both of "
        text += driver["version"]
        cure = "See which library is loaded (`ldconfig -p | grep nvidia-ml`, LD_LIBRARY_PATH) and remove the other one."
        return finding("driver-library-mismatch", f"{text}.", cure)
    library = driver["library"] if driver["library"] != driver["version"] else driver["nvml"]
    text = f"The loaded kernel module is of driver {driver['version']}, the library of {library or 'another'}"
    if library and driver["version"] and version_key(library) < version_key(driver["version"]):
        text += ": the libraries are older than the module."
        return finding(
            "driver-library-mismatch",
            text,
            f"Install the driver's libraries of version {driver['version']} ({_library_package(driver)}), "
            f"or {_RESTART} where the older driver is what is wanted and its module is installed.",
        )
    text += ": the driver was upgraded under the running one."
    built = boot["next_module_version"]
    if boot["next_has_module"] is False:
        cure = f"Build the module for the next kernel first ({_rebuild(driver, boot['next_kernel'])}), then {_RESTART}."
    elif built and library and built != library:
        cure = (
            f"Build the module of {library} for the kernel {boot['next_kernel']} first, which now has that of {built} "
            f"({_rebuild(driver, boot['next_kernel'])}), then {_RESTART}."
        )
    else:
        cure = f"{_RESTART[0].upper()}{_RESTART[1:]}, or reload the module: {_UNLOAD}."
    return finding("driver-library-mismatch", text, cure)
