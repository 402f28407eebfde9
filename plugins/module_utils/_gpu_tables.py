# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NVIDIA's tables: drivers, CUDA releases, what a compiler makes code for, which GPU has which compute capability.

Data, and the few questions that are asked of it. No Ansible import. Sources:

drivers   CUDA Toolkit release notes, "CUDA Toolkit and Corresponding Driver Versions" and "... Minimum Required
          Driver Version for CUDA Minor Version Compatibility" (those of 13.3 Update 1). From CUDA 13.4 on no Linux
          driver belongs to a toolkit any more, and none is listed here.
targets   nvcc and ptxas of 10.2, 11.2, 11.7, 11.8, 12.1, 12.4, 12.9, 13.0 and 13.5, asked; of the others, the release
          history of the PTX ISA, which says from which one on a target is known.
archives  the index pages and package lists of NVIDIA's repositories.
chips     the PCI ID database (pci.ids of 2026-08-22, whose names begin with the chip) for the ranges of device numbers;
          NVIDIA's pages cuda-gpus and cuda-legacy-gpus for what compute capability a chip has.
branches  NVIDIA's list of legacy GPUs: R470 is the last branch for Kepler, R580 the last for Maxwell, Pascal and Volta.
"""

from __future__ import annotations

import re

#: (CUDA release, oldest Linux driver that the toolkit's own release notes ask for), in order. The third number of a
#: release is its update: 11.7.1 is 11.7 Update 1.
TOOLKIT_DRIVERS = [
    ("10.2.0", "440.33"),
    ("11.0.2", "450.51.05"),
    ("11.0.3", "450.51.06"),
    ("11.1.0", "455.23"),
    ("11.1.1", "455.32"),
    ("11.2.0", "460.27.03"),
    ("11.2.1", "460.32.03"),
    ("11.3.0", "465.19.01"),
    ("11.4.0", "470.42.01"),
    ("11.4.1", "470.57.02"),
    ("11.4.3", "470.82.01"),
    ("11.5.0", "495.29.05"),
    ("11.6.0", "510.39.01"),
    ("11.6.1", "510.47.03"),
    ("11.7.0", "515.43.04"),
    ("11.7.1", "515.48.07"),
    ("11.8.0", "520.61.05"),
    ("12.0.0", "525.60.13"),
    ("12.0.1", "525.85.12"),
    ("12.1.0", "530.30.02"),
    ("12.2.0", "535.54.03"),
    ("12.2.1", "535.86.09"),
    ("12.2.2", "535.104.05"),
    ("12.3.0", "545.23.06"),
    ("12.3.1", "545.23.08"),
    ("12.4.0", "550.54.14"),
    ("12.4.1", "550.54.15"),
    ("12.5.0", "555.42.02"),
    ("12.5.1", "555.42.06"),
    ("12.6.0", "560.28.03"),
    ("12.6.1", "560.35.03"),
    ("12.6.3", "560.35.05"),
    ("12.8.0", "570.26"),
    ("12.8.1", "570.124.06"),
    ("12.9.0", "575.51.03"),
    ("12.9.1", "575.57.08"),
    ("13.0.0", "580.65.06"),
    ("13.0.1", "580.82.07"),
    ("13.0.2", "580.95.05"),
    ("13.1.0", "590.44.01"),
    ("13.1.1", "590.48.01"),
    ("13.2.0", "595.45.04"),
    ("13.2.1", "595.58.03"),
    ("13.2.2", "595.71.05"),
    ("13.3.0", "610.43.02"),
]

#: From CUDA 11 on, a program of any release of a major version runs on any driver from this one on (minor-version
#: compatibility). Before, a program needs the driver of its very release.
MINOR_COMPATIBILITY = {11: "450.80.02", 12: "525.60.13", 13: "580"}

_TARGETS = [
    ("10.2", "3.0 3.2 3.5 3.7 5.0 5.2 5.3 6.0 6.1 6.2 7.0 7.2 7.5"),
    ("11.0", "3.5 3.7 5.0 5.2 5.3 6.0 6.1 6.2 7.0 7.2 7.5 8.0"),
    ("11.1", "3.5 3.7 5.0 5.2 5.3 6.0 6.1 6.2 7.0 7.2 7.5 8.0 8.6"),
    ("11.4", "3.5 3.7 5.0 5.2 5.3 6.0 6.1 6.2 7.0 7.2 7.5 8.0 8.6 8.7"),
    ("11.8", "3.5 3.7 5.0 5.2 5.3 6.0 6.1 6.2 7.0 7.2 7.5 8.0 8.6 8.7 8.9 9.0"),
    ("12.0", "5.0 5.2 5.3 6.0 6.1 6.2 7.0 7.2 7.5 8.0 8.6 8.7 8.9 9.0"),
    ("12.8", "5.0 5.2 5.3 6.0 6.1 6.2 7.0 7.2 7.5 8.0 8.6 8.7 8.9 9.0 10.0 10.1 12.0"),
    ("12.9", "5.0 5.2 5.3 6.0 6.1 6.2 7.0 7.2 7.5 8.0 8.6 8.7 8.9 9.0 10.0 10.1 10.3 12.0 12.1"),
    ("13.0", "7.5 8.0 8.6 8.7 8.8 8.9 9.0 10.0 10.3 11.0 12.0 12.1"),
    ("13.4", "7.5 8.0 8.6 8.7 8.8 8.9 9.0 10.0 10.3 10.7 11.0 12.0 12.1"),
]
#: (CUDA release from which on this holds, compute capabilities that its nvcc makes machine code for), in order.
COMPILER_TARGETS = [(release, targets.split()) for release, targets in _TARGETS]

#: (distribution, release) as Ansible's facts spell them -> first and last toolkit in NVIDIA's repository for it; the
#: last is "" where new ones still come.
ARCHIVES = {
    ("Ubuntu", "20.04"): ("11.0", "12.9"),
    ("Ubuntu", "22.04"): ("11.7", ""),
    ("Ubuntu", "24.04"): ("12.5", ""),
    ("Debian", "11"): ("11.5", "12.6"),
    ("Debian", "12"): ("12.3", ""),
    ("Debian", "13"): ("13.0", ""),
}

#: GPUs of NVIDIA's systems on a chip. Code for one runs on that one alone, and none of them is in an x86_64 machine.
SYSTEMS_ON_A_CHIP = frozenset({"3.2", "5.3", "6.2", "7.2", "8.7", "8.8", "10.1", "11.0"})

#: (first, last PCI device number, compute capability) of NVIDIA's chips from Kepler on, less the systems on a chip.
DEVICE_RANGES = [
    (0x0FC0, 0x0FFF, "3.0"),  # GK107
    (0x1001, 0x102A, "3.5"),  # GK110
    (0x102D, 0x102D, "3.7"),  # GK210
    (0x102E, 0x103F, "3.5"),  # GK110, GK180
    (0x1180, 0x11FF, "3.0"),  # GK104, GK106
    (0x1280, 0x130B, "3.5"),  # GK208
    (0x1340, 0x139D, "5.0"),  # GM107, GM108
    (0x13AD, 0x13AE, "5.2"),
    (0x13B0, 0x13BD, "5.0"),  # GM107
    (0x13BE, 0x1436, "5.2"),  # GM204, GM206
    (0x15C2, 0x15FF, "6.0"),  # GP100
    (0x1613, 0x1676, "5.2"),  # GM204
    (0x1725, 0x172F, "6.0"),  # GP100
    (0x174D, 0x179C, "5.0"),  # GM107, GM108
    (0x17C2, 0x17FD, "5.2"),  # GM200
    (0x1B00, 0x1D56, "6.1"),  # GP102 to GP108
    (0x1D81, 0x1DF6, "7.0"),  # GV100
    (0x1E02, 0x1FF9, "7.5"),  # TU102 to TU117
    (0x2080, 0x20FF, "8.0"),  # GA100
    (0x2182, 0x21D1, "7.5"),  # TU116
    (0x2200, 0x2291, "8.6"),  # GA102, GA103
    (0x2302, 0x23F0, "9.0"),  # GH100
    (0x2414, 0x25FB, "8.6"),  # GA103 to GA107
    (0x2681, 0x28F8, "8.9"),  # AD102 to AD107
    (0x2900, 0x29F1, "10.0"),  # GB100, GB102
    (0x2B85, 0x2C19, "12.0"),  # GB202, GB203
    (0x2C31, 0x2D19, "12.0"),  # GB203, GB206
    (0x2D30, 0x2DF9, "12.0"),  # GB206, GB207
    (0x2F04, 0x2F80, "12.0"),  # GB205
    (0x3000, 0x3040, "10.7"),  # GR100
    (0x3180, 0x323E, "10.3"),  # GB110, GB112
]

#: (pattern of a name as the driver or a cloud spells it, compute capability); the first that is found holds.
NAMES = [
    (r"\bM4000\b|\bM5000\b|\bM6000\b|\bTesla M(4|40|60)\b", "5.2"),
    (r"\bP100\b", "6.0"),
    (r"\bP[2456]000\b|\bTesla P(4|40)\b", "6.1"),
    (r"\bV100S?\b|\bGV100\b", "7.0"),
    (r"\bRTX [34568]000\b(?! Ada)|\bRTX[456]000\b|\bTesla T4\b|\bT4G?\b", "7.5"),
    (r"\bA100X?\b|\bA800\b|\bA30X?\b", "8.0"),
    (r"\bA(10|16|40|2000|4000|4500|5000|5500|6000)G?\b", "8.6"),
    (r"\bL4\b|\bL40S?\b|\b[2456]\d00 Ada\b", "8.9"),
    (r"\bG?H[128]00\b|\bH20\b", "9.0"),
    (r"\bG?B[12]00\b", "10.0"),
    (r"\bG?B300\b", "10.3"),
]

#: (major compute capability below which it holds, last driver branch for such a GPU).
LAST_DRIVERS = [((5, 0), "470"), ((7, 5), "580")]

_NAMES = [(re.compile(pattern), capability) for pattern, capability in NAMES]


def numbers(version):
    """Return a dotted version as a tuple to compare with: '535.104.05' -> (535, 104, 5); () of what is no version."""
    match = re.match(r"\d+(?:\.\d+)*", version or "")
    return tuple(int(part) for part in match.group(0).split(".")) if match else ()


def toolkit_driver(cuda):
    """Return the driver that a CUDA release's toolkit asks for: '11.7.1' -> '515.48.07'; '' where it is not known.

    '11.7' is the release without an update; an update that is not listed asks for what the one before it asks for.
    """
    wanted = (*numbers(cuda), 0, 0, 0)[:3]
    found = ""
    for release, driver in TOOLKIT_DRIVERS:
        if numbers(release)[:2] == wanted[:2] and (numbers(release) <= wanted or not found):
            found = driver
    return found


def releases():
    """Return the CUDA releases that the tables know, as '12.1', in order."""
    named = {".".join(release.split(".")[:2]) for release, _driver in TOOLKIT_DRIVERS}
    return sorted(named | {release for release, _targets in COMPILER_TARGETS}, key=numbers)


def oldest_driver(cuda):
    """Return the oldest driver that runs the programs of a CUDA release: '12.4' -> '525.60.13'; '' where not known."""
    version = numbers(cuda)
    if not version:
        return ""
    return MINOR_COMPATIBILITY.get(version[0]) or toolkit_driver(cuda)


def driver_cuda(driver):
    """Return the newest CUDA release, as '12.4', that a driver is known to support; '' of one older than all listed.

    Of a driver newer than all listed it is the last that is listed: at least that.
    """
    found = ""
    for release, oldest in TOOLKIT_DRIVERS:
        if numbers(driver) >= numbers(oldest):
            found = ".".join(release.split(".")[:2])
    return found


def compiler_targets(cuda):
    """Return the compute capabilities that a CUDA release's nvcc makes machine code for; [] where not known."""
    found = []
    for release, targets in COMPILER_TARGETS:
        if numbers(release) <= numbers(cuda)[:2]:
            found = targets
    return found


def archive_has(distribution, version, cuda):
    """Tell whether NVIDIA's repository for a release ('Debian', '12.11') has a CUDA's toolkit; None: not known."""
    for (name, release), (first, last) in ARCHIVES.items():
        if name == distribution and (version == release or version.startswith(release + ".")):
            wanted = numbers(cuda)[:2]
            return numbers(first) <= wanted and (not last or wanted <= numbers(last))
    return None


def capability(device="", name=""):
    """Return a GPU's compute capability, as '8.0', by its PCI device number ('0x20b2'), else by its name, else ''."""
    try:
        number = int(device, 16)
    except (TypeError, ValueError):
        number = -1
    for first, last, found in DEVICE_RANGES:
        if first <= number <= last:
            return found
    for pattern, found in _NAMES:
        if pattern.search(name or ""):
            return found
    return ""


def last_driver(compute_capability):
    """Return the last driver branch for a GPU, as '580', or '' where new ones still drive it."""
    for below, branch in LAST_DRIVERS:
        if numbers(compute_capability) < below:
            return branch
    return ""
