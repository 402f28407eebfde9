# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NVML's return codes and the words that nvidia-smi prints for them. No Ansible import.

Codes: enum nvmlReturn_t of nvml.h (12.9.79 and 13.5.37). Words: nvmlErrorString, as nvidia-smi 470, 535 and 550
print it.
"""

from __future__ import annotations

import re

SUCCESS = 0
UNINITIALIZED = 1
INVALID_ARGUMENT = 2
NOT_SUPPORTED = 3
NO_PERMISSION = 4
NOT_FOUND = 6
INSUFFICIENT_SIZE = 7
INSUFFICIENT_POWER = 8
DRIVER_NOT_LOADED = 9
TIMED_OUT = 10
IRQ_ISSUE = 11
LIBRARY_NOT_FOUND = 12
FUNCTION_NOT_FOUND = 13
CORRUPTED_INFOROM = 14
GPU_IS_LOST = 15
RESET_REQUIRED = 16
OPERATING_SYSTEM = 17
VERSION_MISMATCH = 18
NO_DATA = 21
ARGUMENT_VERSION = 25
DEPRECATED = 26
NOT_READY = 27
GPU_NOT_FOUND = 28
UNKNOWN = 999

WORDS = {
    UNINITIALIZED: "Uninitialized",
    INVALID_ARGUMENT: "Invalid Argument",
    NOT_SUPPORTED: "Not Supported",
    NO_PERMISSION: "Insufficient Permissions",
    5: "Already Initialized",
    NOT_FOUND: "Not Found",
    INSUFFICIENT_SIZE: "Insufficient Size",
    INSUFFICIENT_POWER: "Insufficient External Power",
    DRIVER_NOT_LOADED: "Driver Not Loaded",
    TIMED_OUT: "Timeout",
    IRQ_ISSUE: "Interrupt Request Issue",
    LIBRARY_NOT_FOUND: "NVML Shared Library Not Found",
    FUNCTION_NOT_FOUND: "Function Not Found",
    CORRUPTED_INFOROM: "Corrupted infoROM",
    GPU_IS_LOST: "GPU is lost",
    RESET_REQUIRED: "GPU requires reset",
    OPERATING_SYSTEM: "GPU access blocked by the operating system",
    VERSION_MISMATCH: "Driver/library version mismatch",
    19: "In use by another client",
    20: "Insufficient Memory",
    NO_DATA: "No data",
    23: "Insufficient Resources",
    ARGUMENT_VERSION: "Argument version mismatch",
    DEPRECATED: "Requested functionality has been deprecated",
    NOT_READY: "The system is not ready for the request",
    GPU_NOT_FOUND: "No GPUs were found",
    29: "Invalid State",
    UNKNOWN: "Unknown Error",
}

#: Codes with which a call says only that this GPU, or this version of the library, has no such thing.
NOTHING_TO_SAY = frozenset(
    {NOT_SUPPORTED, NOT_FOUND, FUNCTION_NOT_FOUND, NO_DATA, ARGUMENT_VERSION, DEPRECATED, INVALID_ARGUMENT}
)

# "Unknown Error" last: a line may say more before it.
_SAID = [(code, re.compile(re.escape(WORDS[code]), re.IGNORECASE)) for code in sorted(WORDS)]


def words(code):
    """Return what NVML says for a code."""
    return WORDS.get(code, f"NVML's code {code}")


def said_code(text):
    """Return the code whose words a text of nvidia-smi's has, None where it has none."""
    return next((code for code, pattern in _SAID if pattern.search(text)), None)
