# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings of the layers boot and packages: what breaks at the next restart or upgrade. Pure; no Ansible import."""

from __future__ import annotations

import re

from ._gpu_codes import finding
from ._gpu_versions import driver_version
from ._gpu_words import listed

# The packages that one driver is made of; others may be there in several versions, or in one of their own.
_CORE = re.compile(
    r"nvidia-(?:driver|headless|dkms|kernel-(?:dkms|open-dkms|source)|utils|compute-utils)(?:-.*)?|nvidia-smi|libcuda1"
    r"|libnvidia-(?:compute|ml1|cfg1|decode|encode|gl|extra|fbc1)(?:-.*)?"
)


def find_boot(host):
    """A restart that waits, and what it brings."""
    boot, found = host["reboot"], []
    if boot["pending"]:
        ours = [name for name in boot["packages"] if "nvidia" in name or name.startswith("cuda-drivers")]
        if ours:
            text = f"The upgrade of {listed(ours)} waits for a restart."
            found.append(finding("driver-reboot-pending", text, "Restart the machine before it is needed."))
        else:
            text = f"A restart waits{' for ' + listed(boot['packages']) if boot['packages'] else ''}."
            found.append(finding("reboot-pending", text, "Restart the machine when it suits."))
    return found + _next_kernel(host)


def _next_kernel(host):
    boot, driver = host["reboot"], host["driver"]
    kernel = boot["next_kernel"]
    if not kernel or kernel == boot["running_kernel"] or not (driver["loaded"] or boot["running_has_module"]):
        return []
    if boot["next_has_module"]:
        if host["secure_boot"] == "enabled" and boot["next_module_signed"] is False:
            text = f"Secure Boot is on, and NVIDIA's module for the next kernel {kernel} is not signed."
            cure = f"Sign it before the restart: `dkms autoinstall -k {kernel}` signs with DKMS's key."
            return [finding("next-module-unsigned", text, cure)]
        return []
    text = f"The next kernel {kernel} has no module of NVIDIA's, so the GPUs are gone after the next restart"
    names = [package["name"] for package in driver["packages"]]
    if any(name.startswith("linux-modules-nvidia-") for name in names) and not any("dkms" in name for name in names):
        cure = f"Before the restart install linux-modules-nvidia-{driver['branch']}-* for {kernel}."
        return [finding("next-kernel-without-module", f"{text}.", cure)]
    build = f"`dkms autoinstall -k {kernel}`"
    if driver["runfile"] and not names:
        build = f"NVIDIA's .run installer of {driver['library']} again with `--kernel-name={kernel} --dkms`"
    if boot["next_has_headers"] is False:
        cure = f"Before the restart run `apt install linux-headers-{kernel}` and {build}."
        return [finding("next-kernel-without-headers", f"{text}, and its headers are not there to build one.", cure)]
    return [finding("next-kernel-without-module", f"{text}.", f"Before the restart run {build}.")]


def find_packages(host):
    """What the next upgrade does to the driver."""
    driver, found = host["driver"], []
    packages = driver["packages"]
    unfinished = [package for package in packages if package["state"] != "installed"]
    if unfinished:
        said = listed(f"{package['name']} ({package['state']})" for package in unfinished)
        cure = "Run `dpkg --configure -a` and `apt-get -f install`, and where that fails read what the package says."
        found.append(finding("driver-package-unfinished", f"The driver's packages are half installed: {said}.", cure))
    core = [package for package in packages if _CORE.fullmatch(package["name"])]
    versions = sorted({driver_version(package["version"]) for package in core} - {""})
    if len(versions) > 1:
        examples = (next(one for one in core if driver_version(one["version"]) == version) for version in versions)
        said = listed(f"{package['name']} {package['version']}" for package in examples)
        cure = "Bring them to one version of one archive: pin it in /etc/apt/preferences.d, then `apt-get -f install`."
        found.append(finding("driver-packages-mixed", f"The driver's packages are of several versions: {said}.", cure))
    origins = sorted({package["origin"] for package in core} - {""})
    if len(origins) > 1:
        examples = ((next(one["name"] for one in core if one["origin"] == origin), origin) for origin in origins)
        said = listed(f"{name} from {origin}" for name, origin in examples)
        text = f"The driver's packages are of several archives, and the next upgrade takes some from each: {said}."
        cure = "Keep to one of these archives, by a pin in /etc/apt/preferences.d, and install the driver from it anew."
        found.append(finding("driver-origins-mixed", text, cure))
    if driver["runfile"] and core:
        text = "NVIDIA's .run installer was used beside the driver's packages, and they overwrite each other."
        cure = "Run `nvidia-uninstall`, then `apt-get install --reinstall` the driver's packages."
        found.append(finding("runfile-beside-packages", text, cure))
    if host["unattended_upgrades"]["packages"]:
        text = (
            f"unattended-upgrades upgrades {listed(host['unattended_upgrades']['packages'])} under the running driver."
        )
        cure = 'Hold them with `apt-mark hold`, and put "nvidia-" and "libnvidia-" into its Package-Blacklist.'
        found.append(finding("driver-upgrades-itself", text, cure))
    return found
