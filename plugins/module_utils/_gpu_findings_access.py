# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings of the layer access: the driver is there, and does not answer, or not us. Pure; no Ansible import."""

from __future__ import annotations

from ._gpu_codes import finding
from ._gpu_errors import (
    DRIVER_NOT_LOADED,
    GPU_IS_LOST,
    GPU_NOT_FOUND,
    NO_PERMISSION,
    OPERATING_SYSTEM,
    RESET_REQUIRED,
    SUCCESS,
    UNKNOWN,
    VERSION_MISMATCH,
    words,
)

_AGAIN = (
    "Create the container again with the device files named (`--device=/dev/nvidia0` and so on) or with CDI "
    "(`--device nvidia.com/gpu=all`), because `systemctl daemon-reload` on its host takes the devices from it."
)
_GIVE = (
    "Set `no-cgroups = false` in /etc/nvidia-container-runtime/config.toml on its host (true is for rootless engines), "
    "and create the container again, so that its cgroup's rules let it have the devices."
)


def find_access(host):
    """NVML, or where it did not answer nvidia-smi, says why it cannot reach the driver."""
    nvml, smi, driver = host["sources"]["nvml"], host["sources"]["smi"], host["driver"]
    if not host["gpus"] or not driver["loaded"] or "ok" in (nvml["status"], smi["status"]):
        return []
    if any(gpu["code"] is not None or gpu["error"] for gpu in host["gpus"]):
        return []  # it is reached, and one of the GPUs is the matter
    code = next((one["code"] for one in (nvml, smi) if one["code"] not in (None, SUCCESS)), None)
    if code is None:
        hangs = [one for one in (nvml, smi) if one["status"] == "timeout"]
        return [_hangs(hangs)] if hangs else []
    if code in (GPU_NOT_FOUND, GPU_IS_LOST, RESET_REQUIRED, VERSION_MISMATCH):
        return []  # said of the GPUs, or of the library
    return [_refuses(host, code)]


def _hangs(sources):
    # Its name is in the detail.
    text = f"NVIDIA's driver hangs: {' and '.join(one['detail'] for one in sources)}."
    cure = (
        "See `dmesg | grep -e NVRM -e Xid` and restart the machine; where it has many GPUs that take long to wake, "
        "switch nvidia-persistenced on and look again with a longer timeout."
    )
    return finding("driver-hangs", text, cure)


def _refuses(host, code):
    driver = host["driver"]
    said = f"NVIDIA's driver {driver['version']} is loaded, and NVML says {words(code)!r}"
    if code == DRIVER_NOT_LOADED:
        if "nvidiactl" not in driver["device_files"]:
            cure = "Create the device files with `nvidia-modprobe -c 0 -u`, and see that nvidia-modprobe is installed."
            return finding("device-files-missing", f"{said}: there is no /dev/nvidiactl.", cure)
        cure = "See `dmesg | grep NVRM`, and restart the machine where it names no cause."
        return finding("driver-unreachable", f"{said}.", cure)
    if code == NO_PERMISSION:
        cure = (
            "Look as root, or give the user the group that /dev/nvidia* has (`ls -l /dev/nvidia*`), which NVIDIA's "
            "module sets by NVreg_DeviceFileGID and NVreg_DeviceFileMode in /etc/modprobe.d."
        )
        return finding("access-denied", f"{said}.", cure)
    if code == OPERATING_SYSTEM:
        cure = "Let the job have the devices /dev/nvidia*, which the device rules of its cgroup keep from it."
        return finding("access-blocked", f"{said}.", _GIVE if host["container"] else cure)
    if code == UNKNOWN:
        cure = "See `dmesg | grep -e NVRM -e Xid` for the cause, and restart the machine where it names none."
        return finding("access-lost", f"{said}.", _AGAIN if host["container"] else cure)
    cure = "See `dmesg | grep NVRM` for the cause, and restart the machine where it names none."
    return finding("driver-unreachable", f"{said}.", cure)
