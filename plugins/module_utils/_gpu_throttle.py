# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a GPU's clocks are lower than they could be: NVML's bits, under the names that nvidia-smi's XML has for them.

nvml.h, nvmlClocksEventReason... (nvmlClocksThrottleReason... before R535).
"""

from __future__ import annotations

BITS = {
    0x1: "gpu_idle",
    0x2: "applications_clocks_setting",
    0x4: "sw_power_cap",
    0x8: "hw_slowdown",
    0x10: "sync_boost",
    0x20: "sw_thermal_slowdown",
    0x40: "hw_thermal_slowdown",
    0x80: "hw_power_brake_slowdown",
    0x100: "display_clocks_setting",
}
#: Those that say that something is wrong with the host: its cooling or its power supply.
TROUBLE = {
    "hw_slowdown": "by the hardware",
    "sw_thermal_slowdown": "by the driver for heat",
    "hw_thermal_slowdown": "by the hardware for heat",
    "hw_power_brake_slowdown": "by the power supply's signal",
}


def names_of_bits(bits):
    """Return the names of the bits that are set, in the order of the bits; one that is not known as bit_0x200."""
    known = [name for bit, name in BITS.items() if bits & bit]
    return known + [f"bit_{1 << place:#x}" for place in range(9, 64) if bits >> place & 1]
