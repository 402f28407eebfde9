# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stable codes of what is found out about a host's GPUs: their layer, how bad each is, and its automatic cure.

A code never changes its meaning; inventories and dashboards may name it. No Ansible import.
"""

from __future__ import annotations

BROKEN, WARNING, NOTE = "broken", "warning", "note"
_WORST_FIRST = (BROKEN, WARNING, NOTE)

#: In walking order: each stands on those before it. `boot` and `packages` stand beside them: what is wrong there shows
#: at the next restart or upgrade.
LAYERS = (
    "bus",
    "nouveau",
    "kernel module",
    "library",
    "access",
    "gpu",
    "fabric",
    "driver for toolkit",
    "toolkit",
    "cudnn",
    "architectures",
    "frameworks",
    "containers",
    "boot",
    "packages",
)

#: code: (layer, severity, name of a safe automatic cure or ''). A cure is safe where it interrupts nothing that runs,
#: needs no restart, and can be taken back.
CODES = {
    "gpu-vanished": ("bus", BROKEN, ""),
    "driver-without-gpu": ("bus", NOTE, ""),
    "nouveau-bound": ("nouveau", BROKEN, ""),
    "gpu-passed-through": ("nouveau", BROKEN, ""),
    "some-gpus-elsewhere": ("nouveau", NOTE, ""),
    "driver-missing": ("kernel module", BROKEN, ""),
    "module-missing": ("kernel module", BROKEN, ""),
    "module-missing-no-headers": ("kernel module", BROKEN, ""),
    "module-refused-by-secure-boot": ("kernel module", BROKEN, ""),
    "module-switched-off": ("kernel module", BROKEN, ""),
    "module-not-loaded": ("kernel module", BROKEN, "load-module"),
    "gpu-not-driven": ("kernel module", BROKEN, ""),
    "library-missing": ("library", BROKEN, ""),
    "library-unusable": ("library", BROKEN, ""),
    "driver-library-mismatch": ("library", BROKEN, ""),
    "library-left-over": ("library", NOTE, ""),
    "nvml-unanswered": ("library", WARNING, ""),
    "gpus-not-given": ("access", NOTE, ""),
    "device-files-missing": ("access", BROKEN, "make-device-files"),
    "access-denied": ("access", BROKEN, ""),
    "access-blocked": ("access", BROKEN, ""),
    "access-lost": ("access", BROKEN, ""),
    "driver-hangs": ("access", BROKEN, ""),
    "driver-unreachable": ("access", BROKEN, ""),
    "gpu-lost": ("gpu", BROKEN, ""),
    "gpu-needs-reset": ("gpu", BROKEN, ""),
    "gpu-hangs": ("gpu", BROKEN, ""),
    "gpu-not-initialized": ("gpu", BROKEN, ""),
    "gpu-fails": ("gpu", BROKEN, ""),
    "memory-failing": ("gpu", BROKEN, ""),
    "memory-repair-pending": ("gpu", WARNING, ""),
    "memory-errors": ("gpu", WARNING, ""),
    "ecc-change-pending": ("gpu", NOTE, ""),
    "mig-change-pending": ("gpu", WARNING, ""),
    "mig-without-instances": ("gpu", BROKEN, ""),
    "some-mig-without-instances": ("gpu", WARNING, ""),
    "gpu-slowed-down": ("gpu", WARNING, ""),
    "inforom-corrupted": ("gpu", WARNING, ""),
    "gpu-excluded": ("gpu", NOTE, ""),
    "persistenced-stopped": ("gpu", NOTE, "start-persistenced"),
    "fabricmanager-missing": ("fabric", BROKEN, ""),
    "fabricmanager-version": ("fabric", BROKEN, ""),
    "fabricmanager-stopped": ("fabric", BROKEN, "start-fabricmanager"),
    "fabricmanager-left": ("fabric", WARNING, "start-fabricmanager"),
    "fabric-not-ready": ("fabric", BROKEN, ""),
    "fabric-unsettled": ("fabric", WARNING, ""),
    "fabricmanager-unknown": ("fabric", WARNING, ""),
    "driver-too-old-for-toolkit": ("driver for toolkit", BROKEN, ""),
    "driver-too-old-for-environment": ("driver for toolkit", BROKEN, ""),
    "driver-older-than-toolkit": ("driver for toolkit", NOTE, ""),
    "toolkit-link-dangles": ("toolkit", BROKEN, "lead-toolkit-link"),
    "toolkit-link-left-over": ("toolkit", WARNING, ""),
    "nvcc-fails": ("toolkit", BROKEN, ""),
    "toolkit-mixed": ("toolkit", WARNING, ""),
    "toolkit-not-in-cache": ("toolkit", BROKEN, "run-ldconfig"),
    "loader-path-nowhere": ("toolkit", WARNING, ""),
    "cudnn-bogus": ("cudnn", BROKEN, "move-cudnn-aside"),
    "cudnn-link-dangles": ("cudnn", BROKEN, "move-cudnn-aside"),
    "cudnn-missing": ("cudnn", BROKEN, ""),
    "cudnn-not-in-cache": ("cudnn", BROKEN, "run-ldconfig"),
    "cudnn-hidden": ("cudnn", BROKEN, ""),
    "cudnn-several": ("cudnn", WARNING, ""),
    "cudnn-mixed": ("cudnn", BROKEN, ""),
    "cudnn-shadowed": ("cudnn", BROKEN, ""),
    "cudnn-completed-by-another": ("cudnn", BROKEN, ""),
    "cudnn-does-not-load": ("cudnn", BROKEN, ""),
    "no-architecture": ("architectures", BROKEN, ""),
    "no-architecture-for-some": ("architectures", WARNING, ""),
    "ptx-needs-driver": ("architectures", BROKEN, ""),
    "ptx-needs-driver-for-some": ("architectures", WARNING, ""),
    "ptx-only": ("architectures", NOTE, ""),
    "toolkit-dropped-gpu": ("architectures", WARNING, ""),
    "toolkit-before-gpu": ("architectures", WARNING, ""),
    "framework-cpu-build": ("frameworks", BROKEN, ""),
    "framework-on-cpu": ("frameworks", BROKEN, ""),
    "framework-fails": ("frameworks", BROKEN, ""),
    "framework-wrong": ("frameworks", BROKEN, ""),
    "framework-hangs": ("frameworks", BROKEN, ""),
    "gpu-busy": ("frameworks", NOTE, ""),
    "environment-not-live": ("frameworks", WARNING, ""),
    "docker-is-snap": ("containers", BROKEN, ""),
    "docker-configuration-damaged": ("containers", BROKEN, ""),
    "docker-not-configured": ("containers", BROKEN, "configure-docker"),
    "docker-runtime-gone": ("containers", BROKEN, ""),
    "docker-without-nvidia": ("containers", WARNING, ""),
    "docker-loses-gpus": ("containers", BROKEN, "link-device-files"),
    "docker-without-cgroups": ("containers", BROKEN, ""),
    "docker-stopped": ("containers", WARNING, ""),
    "container-toolkit-mixed": ("containers", BROKEN, ""),
    "cdi-out-of-date": ("containers", BROKEN, "refresh-cdi"),
    "podman-without-cdi": ("containers", BROKEN, "refresh-cdi"),
    "reboot-pending": ("boot", NOTE, ""),
    "driver-reboot-pending": ("boot", WARNING, ""),
    "next-kernel-without-module": ("boot", BROKEN, ""),
    "next-kernel-without-headers": ("boot", BROKEN, ""),
    "next-module-unsigned": ("boot", WARNING, ""),
    "driver-package-unfinished": ("packages", BROKEN, ""),
    "driver-packages-mixed": ("packages", BROKEN, ""),
    "driver-origins-mixed": ("packages", BROKEN, ""),
    "runfile-beside-packages": ("packages", WARNING, ""),
    "driver-upgrades-itself": ("packages", WARNING, "hold-driver"),
    "apt-key-revoked": ("packages", BROKEN, ""),
    "apt-key-wrong": ("packages", BROKEN, ""),
    "apt-key-missing": ("packages", BROKEN, ""),
    "apt-key-unreadable": ("packages", BROKEN, ""),
    "apt-key-for-everything": ("packages", WARNING, ""),
    "apt-sources-conflict": ("packages", BROKEN, ""),
    "apt-source-of-another-release": ("packages", WARNING, ""),
}


def finding(code, text, cure):
    """Return the finding of a code. text, cure: one sentence each."""
    layer, severity, fix = CODES[code]
    return {"code": code, "layer": layer, "severity": severity, "text": text, "cure": cure, "fix": fix}


def in_order(findings):
    """Return findings in walking order, within a layer the worst first."""
    return sorted(findings, key=lambda one: (LAYERS.index(one["layer"]), _WORST_FIRST.index(one["severity"])))
