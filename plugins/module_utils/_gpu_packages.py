# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The packages of NVIDIA's driver, and where they are from. No Ansible import, and it never raises.

Read out of dpkg's status file, deb-control(5): `Status` is what is wanted (`hold` among it), whether it is well, and
how far the package is. dpkg does not record where a package is from, but each archive's versions have a manner of
their own.
"""

from __future__ import annotations

import re

from ._apt_conf import read_apt_conf
from ._gpu_root import exists, read_text
from ._gpu_upgrades import unattended_upgrades
from ._gpu_versions import driver_version

STATUS_FILE = "/var/lib/dpkg/status"
#: What NVIDIA's .run installer leaves, and no package brings.
RUNFILE_MARKS = ("/usr/bin/nvidia-uninstall", "/usr/bin/nvidia-installer")
# What is at the driver's version, or decides whether it loads: mixed, that is a finding. What must not come from an
# archive by accident is more (_nvidia_driver_packages): nvidia-settings of another version harms nobody.
_DRIVER = re.compile(
    r"nvidia-(?:driver|headless|dkms|kernel|open|utils|compute-utils|firmware|fabricmanager|legacy|tesla)(?:-.*)?"
    r"|nvidia-(?:smi|alternative|opencl-icd|vdpau-driver)|cuda-drivers(?:-.*)?|libcuda1|libnvidia-(?!container|egl).*"
    r"|xserver-xorg-video-nvidia(?:-.*)?|linux-(?:modules|objects|signatures)-nvidia-.*"
)
# Of these several versions may lie side by side, or theirs is not the driver's.
_OWN_VERSION = re.compile(r"nvidia-(?:firmware|fabricmanager)|linux-|libnvidia-nscq|cuda-drivers-fabricmanager")
_FABRIC = re.compile(r"nvidia-fabricmanager(?:-\d+)?")
_FIELD = re.compile(r"^(Package|Status|Version|Maintainer): *(.*?) *$", re.MULTILINE)
_GONE = ("", "not-installed", "config-files")


def look(root="/", _timeout=None):
    """Return what the status file and apt's configuration below `root` say.

    known: whether there is a status file; packages: a dict for each package of the driver, with `name`, `version`,
    `held`, `state` (dpkg's word; `installed` where all is well), `origin` (who made it, '' where its version does not
    tell) and `driver`, the driver's version in its own, '' where that is another; fabricmanager: the driver's version
    in that package's, or ''; runfile: whether NVIDIA's .run installer left its uninstaller; unattended: as
    unattended_upgrades returns it.
    """
    text = read_text(root, STATUS_FILE)
    packages, upgrader = [], False
    for paragraph in text.split("\n\n"):
        if "nvidia" not in paragraph and "cuda" not in paragraph and "unattended-upgrades" not in paragraph:
            continue  # nearly all of them, and a status file has megabytes
        fields = dict(_FIELD.findall(paragraph))
        name, status = fields.get("Package", ""), fields.get("Status", "").split()
        if len(status) != 3 or status[2] in _GONE:
            continue
        upgrader = upgrader or name == "unattended-upgrades"
        if _DRIVER.fullmatch(name):
            packages.append(_package(name, fields.get("Version", ""), status, fields.get("Maintainer", "")))
    packages.sort(key=lambda package: package["name"])
    fabric = [driver_version(package["version"]) for package in packages if _FABRIC.fullmatch(package["name"])]
    return {
        "known": bool(text),
        "packages": packages,
        "fabricmanager": next(iter(fabric), ""),
        "runfile": any(exists(root, path) for path in RUNFILE_MARKS),
        "unattended": unattended_upgrades(read_apt_conf(root), packages, upgrader, _distribution(root)),
    }


def _package(name, version, status, maintainer):
    return {
        "name": name,
        "version": version,
        "held": status[0] == "hold",
        "state": status[2],
        "origin": origin(version, maintainer),
        "driver": "" if _OWN_VERSION.match(name) else driver_version(version),
    }


def origin(version, maintainer=""):
    """Return who made a driver package: NVIDIA, Ubuntu, Debian, Lambda, System76, graphics-drivers, or ''.

    By the version: NVIDIA's archive for Ubuntu ends it with -0ubuntu1, Ubuntu's own has the release in it, as in
    -0ubuntu0.22.04.1, the archive graphics-drivers writes ~gpu22.04.1. Else by the maintainer.
    """
    if "lambda" in version:
        return "Lambda"
    if "~gpu" in version:
        return "graphics-drivers"
    if "sys76" in version or "pop" in version:
        return "System76"
    if re.search(r"-\d+ubuntu\d+$", version):
        return "NVIDIA"
    if "ubuntu" in version or "ubuntu" in maintainer.lower():
        return "Ubuntu"
    if "nvidia.com" in maintainer.lower():
        return "NVIDIA"
    return "Debian" if "debian" in maintainer.lower() or re.search(r"[~+]deb\d+u\d+", version) else ""


def _distribution(root):
    match = re.search(r"^ID=\"?([\w.-]+)", read_text(root, "/etc/os-release", 65536), re.MULTILINE)
    return match.group(1).lower() if match else ""
